import { parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import { BadFile } from '../bad-file.ts';
import type { SourceFile } from '../source-file.ts';
import { YamlNode, type YamlValue } from '../yaml/yaml-node.ts';

/** A JSON text with comments. */
export interface Jsonc {
  readonly root: YamlNode;
  /** Where it is not well-formed, and what it is taken for all the same. */
  readonly problem: { readonly line: number; readonly message: string } | undefined;
}

/** Levels; deeper than any file, and far from the end of the stack. */
const maxDepth = 200;

/**
 * Reads JSON with comments and commas too many, such as editors write.
 * @throws {BadFile} for what is no object
 */
export function readJsonc(file: SourceFile): Jsonc {
  return new JsoncReader(file).read();
}

class JsoncReader {
  readonly #file: SourceFile;
  /** Offsets at which lines begin. */
  readonly #lines: readonly number[];

  constructor(file: SourceFile) {
    this.#file = file;
    this.#lines = [0, ...Array.from(file.text.matchAll(/\n/gu), ({ index }) => index + 1)];
  }

  read(): Jsonc {
    this.#checkDepth();
    const errors: ParseError[] = [];
    const tree = parseTree(this.#file.text, errors, { allowTrailingComma: true });
    const [error] = errors;
    if (tree?.type !== 'object') throw this.#bad(1, 'is no JSON object');
    const problem = error && { line: this.#lineAt(error.offset), message: printParseErrorCode(error.error) };
    return { root: this.#node(tree), problem };
  }

  /** The parser calls itself for each level. */
  #checkDepth(): void {
    let depth = 0;
    for (const { 0: token, index } of this.#file.text.matchAll(/"(?:\\.|[^"\\\n])*"|\/\/.*|[[\]{}]/gu)) {
      if (token === '[' || token === '{') depth += 1;
      if (token === ']' || token === '}') depth -= 1;
      if (depth > maxDepth)
        throw this.#bad(this.#lineAt(index), `is nested more than ${maxDepth} levels deep`);
    }
  }

  #node(node: Node): YamlNode {
    return new YamlNode(this.#value(node), { file: this.#file, line: this.#lineAt(node.offset) });
  }

  #value({ type, children = [], value }: Node): YamlValue {
    if (type === 'array') return children.map((child) => this.#node(child));
    if (type === 'null') return null;
    if (type !== 'object') return String(value);
    const entries = new Map<string, YamlNode>();
    for (const { children: [key, child] = [] } of children) {
      if (key !== undefined && child !== undefined) entries.set(String(key.value), this.#node(child));
    }
    return entries;
  }

  #lineAt(offset: number): number {
    let [low, high] = [0, this.#lines.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#lines[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }

  #bad(line: number, message: string): BadFile {
    return new BadFile({ file: this.#file.path, line, message });
  }
}
