import type { FindingsOfFiles } from '../findings-of-files.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { evaluate, unknownValue, type Contexts, type UnknownValue } from './expressions.ts';

interface FieldReaderDeps {
  readonly findings: FindingsOfFiles;
}

/** Reads fields that name images, each with the values of several jobs. */
export class FieldReader {
  readonly #deps: FieldReaderDeps;
  /** What was added, so that the jobs of a matrix add it once. */
  readonly #added = new Map<YamlNode, Set<string>>();

  constructor(deps: FieldReaderDeps) {
    this.#deps = deps;
  }

  /** An image, or an empty text for none. */
  read(node: YamlNode | undefined, contexts: Contexts, reason: string): void {
    if (node?.text === undefined) return;
    try {
      this.add(node, evaluate(node.text, contexts).coerceString(), reason);
    } catch (error) {
      this.addUnknown(node, unknownValue(error));
    }
  }

  /** @param image as it is written in a workflow: `docker://` may stand before it */
  add(node: YamlNode, image: string, reason: string): void {
    const text = image.trim().replace(/^docker:\/\//u, '');
    if (text === '' || !this.#isNew(node, text)) return;
    this.#deps.findings.of(node.file).addImage(text, { line: node.line, reason });
  }

  addUnknown(node: YamlNode, { path, variable }: UnknownValue): void {
    if (!this.#isNew(node, `unknown ${path}`)) return;
    this.#deps.findings.of(node.file).addUnresolved({
      line: node.line,
      text: node.text ?? (node.file.text.split('\n')[node.line - 1] ?? '').trim(),
      problem: variable === undefined ? `only a run knows ${path}` : `${path} is not set`,
      advice: variable === undefined ? undefined : `--env ${variable}=…`,
    });
  }

  #isNew(node: YamlNode, text: string): boolean {
    const before = this.#added.get(node);
    if (before?.has(text) === true) return false;
    this.#added.set(node, (before ?? new Set()).add(text));
    return true;
  }
}
