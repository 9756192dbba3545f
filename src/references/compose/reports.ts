import { parseImageReference } from '../../oci/image-reference.ts';
import { BadFile } from '../bad-file.ts';
import { FindingsOfFiles } from '../findings-of-files.ts';
import type { Findings } from '../findings.ts';
import type { Found, Unresolved } from '../found-image.ts';
import type { SourceFile } from '../source-file.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { isText } from '../yaml/scalar-type.ts';
import type { Scopes } from './scope.ts';
import type { VariableProblem } from './substitute.ts';

/** What is told of an image besides the place where it stands. */
interface ImageRole {
  readonly reason: string;
  readonly platform?: string | undefined;
  readonly optional?: string | undefined;
}

/** Collects what is found in the files of a project. */
export class Reports {
  readonly #scopes: Scopes;
  readonly #findings = new FindingsOfFiles('compose');

  constructor(scopes: Scopes) {
    this.#scopes = scopes;
  }

  /** What is found in one of the files. */
  in(file: SourceFile): Findings {
    return this.#findings.of(file);
  }

  /**
   * The text of a scalar with its variables filled in; undefined, and reported, where that cannot be told.
   * @throws {BadFile} for what is no scalar
   */
  text(node: YamlNode): string | undefined {
    const result = this.#scopes.substitute(node);
    if (result === undefined) refuse(node, 'a text must stand here');
    if (!('text' in result)) {
      this.variableProblem(node, result);
      return undefined;
    }
    this.#noteUnset(node, result.unset);
    return result.text;
  }

  /**
   * The image that a text names.
   * @throws {BadFile} for what is no text
   */
  image(node: YamlNode, role: ImageRole): void {
    if (!isText(node)) refuse(node, 'an image must be a text: put it in quotes');
    const result = this.#scopes.substitute(node);
    if (result === undefined) return;
    if (!('text' in result)) {
      this.variableProblem(node, result);
    } else if (parseImageReference(result.text) === undefined && result.unset.length > 0) {
      const [first = ''] = result.unset;
      this.variableProblem(node, { problem: unsetText(result.unset), variable: first });
    } else {
      this.#noteUnset(node, result.unset);
      this.in(node.file).addImage(result.text, { line: node.line, ...role });
    }
  }

  unresolved(node: YamlNode, { problem, advice }: Pick<Unresolved, 'problem' | 'advice'>): void {
    this.in(node.file).addUnresolved({ line: node.line, text: node.text ?? '', problem, advice });
  }

  variableProblem(node: YamlNode, { problem, variable }: VariableProblem): void {
    this.unresolved(node, { problem, advice: variable === undefined ? undefined : `--env ${variable}=…` });
  }

  note(node: YamlNode, message: string): void {
    this.in(node.file).addNote(node.line, message);
  }

  /** What another file says that one of these uses. */
  addAll(found: Found): void {
    this.#findings.addAll(found);
  }

  /** What all files say together. */
  found(): Found {
    return this.#findings.found();
  }

  #noteUnset(node: YamlNode, unset: readonly string[]): void {
    if (unset.length > 0) this.note(node, `${unsetText(unset)}: Compose puts nothing in its place`);
  }
}

/** @throws {BadFile} */
export function refuse({ file, line }: YamlNode, message: string): never {
  throw new BadFile({ file: file.path, line, message });
}

function unsetText(names: readonly string[]): string {
  return names.length === 1 ? `${names.join()} is not set` : `${names.join(', ')} are not set`;
}
