import type { SourceFile } from '../source-file.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import type { Environment } from './environment.ts';
import { scalarText } from '../yaml/scalar-type.ts';
import { substitute, type Substituted, type VariableProblem } from './substitute.ts';

/** What a file is read with, which differs from one that includes it. */
export interface Scope {
  readonly environment: Environment;
  /** Where its relative paths start. */
  readonly folder: string;
}

/** The scopes of all files of a project: a node knows its file, wherever it is merged to. */
export class Scopes {
  readonly #scopes = new Map<SourceFile, Scope>();

  /** A file as it is read in a scope: not the same as the same file in another. */
  add(file: SourceFile, scope: Scope): SourceFile {
    const scoped = { ...file, folder: scope.folder };
    this.#scopes.set(scoped, scope);
    return scoped;
  }

  of(file: SourceFile): Scope {
    const scope = this.#scopes.get(file);
    if (scope === undefined) throw new Error(`${file.path} was not added`);
    return scope;
  }

  /** The text of a scalar with its variables filled in. Undefined for what is no scalar. */
  substitute(node: YamlNode): Substituted | VariableProblem | undefined {
    const text = scalarText(node);
    return text === undefined ? undefined : substitute(text, this.of(node.file).environment.get);
  }

  /** The text of a scalar, where that can be told. */
  text(node: YamlNode | undefined): string | undefined {
    const result = node === undefined ? undefined : this.substitute(node);
    return result !== undefined && 'text' in result ? result.text : undefined;
  }
}
