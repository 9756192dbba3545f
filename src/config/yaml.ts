import {
  isAlias,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type ErrorCode,
  type ParsedNode,
  type YAMLMap,
} from 'yaml';
import { ConfigError, type Origin, type Problem } from './config-error.ts';
import { newSection, pathText, type Node, type Path } from './tree.ts';

/** Nodes; far more than any configuration needs. A few aliases of aliases would otherwise fill the memory. */
const maxNodes = 20_000;

/** Deeper than any configuration, and far from the end of the stack. */
const maxDepth = 50;

/** Told of each value, before its parts. */
type Noter = (path: Path, origin: Origin) => void;

/**
 * Reads one YAML document as {@link Node}s. The parser's messages are replaced: they quote the text, which
 * may be a password.
 *
 * @param place turns a line and column, from 1, into an origin
 * @throws ConfigError when it is not YAML, with every error the parser finds
 */
export function readYaml(text: string, place: (line: number, column: number) => Origin, note: Noter): Node {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    // Not `silent`, which also passes over a second document.
    logLevel: 'error',
    merge: true,
  });
  const at = (offset: number): Origin => {
    const { line, col } = lines.linePos(offset);
    return place(Math.max(line, 1), Math.max(col, 1));
  };
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map(({ code, pos }) => ({ origin: at(pos[0]), key: '', message: sentence(code) })),
    );
  }
  return new NodeReader(document, at, note).read(document.contents, [], 0);
}

class NodeReader {
  readonly #document: Document.Parsed;
  readonly #at: (offset: number) => Origin;
  readonly #note: Noter;
  #count = 0;

  constructor(document: Document.Parsed, at: (offset: number) => Origin, note: Noter) {
    this.#document = document;
    this.#at = at;
    this.#note = note;
  }

  read(node: ParsedNode | null, path: Path, depth: number): Node {
    if (node === null) return undefined;
    this.#count += 1;
    if (this.#count > maxNodes || depth > maxDepth) {
      throw this.#error(node, path, 'too large or too deeply nested for a configuration');
    }
    if (isScalar(node)) {
      if (node.value === null) return undefined;
      return typeof node.value === 'string' ? node.value : (node.source ?? '');
    }
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      if (target === undefined) throw this.#error(node, path, sentence('BAD_ALIAS'));
      return this.read(target as ParsedNode, path, depth + 1);
    }
    if (isSeq(node)) {
      return node.items.map((item, index) => this.#child(item, [...path, index], depth));
    }
    return this.#section(node, path, depth);
  }

  #section(node: YAMLMap.Parsed, path: Path, depth: number): Node {
    const section = newSection();
    const merged: Node[] = [];
    for (const { key, value } of node.items) {
      if (!isScalar(key)) throw this.#error(key, path, 'a key must be a plain word');
      const name = typeof key.value === 'string' ? key.value : (key.source ?? '');
      // Only its own keys are noted: where merged ones came from is told well enough by the section.
      if (name === '<<' || typeof key.value === 'symbol') {
        merged.push(this.read(value, path, depth + 1));
      } else {
        this.#note([...path, name], this.#at(key.range[0]));
        section[name] = this.read(value, [...path, name], depth + 1);
      }
    }
    for (const source of merged.flat()) {
      if (typeof source === 'object' && !Array.isArray(source)) {
        for (const [name, value] of Object.entries(source)) {
          if (!(name in section)) section[name] = value;
        }
      }
    }
    return section;
  }

  #child(node: ParsedNode, path: Path, depth: number): Node {
    this.#note(path, this.#at(node.range[0]));
    return this.read(node, path, depth + 1);
  }

  #error(node: ParsedNode, path: Path, message: string): ConfigError {
    const problem: Problem = { origin: this.#at(node.range[0]), key: pathText(path), message };
    return new ConfigError([problem]);
  }
}

/** What the parser's codes mean, without quoting the text. */
function sentence(code: ErrorCode): string {
  return `not valid YAML: ${sentences[code] ?? 'something here does not belong'}`;
}

const quote = 'put values with special characters in quotes';

const sentences: Readonly<Partial<Record<ErrorCode, string>>> = {
  BAD_ALIAS: `an alias to an anchor that does not exist; ${quote}`,
  BAD_DQ_ESCAPE: 'an unknown escape after \\ in a double-quoted text; single quotes keep \\ as it is',
  BAD_INDENT: 'wrong indentation',
  BAD_SCALAR_START: `a value cannot start with this character; ${quote}`,
  BLOCK_AS_IMPLICIT_KEY: `a second ": " on one line, or wrong indentation; ${quote}`,
  BLOCK_IN_FLOW: 'indented lines cannot stand inside { } or [ ]',
  DUPLICATE_KEY: 'the same key stands twice in this section',
  MISSING_CHAR: 'a bracket, a quote, a colon or a comma is missing',
  MULTILINE_IMPLICIT_KEY: 'a ":" is missing after the key, or the indentation is wrong',
  MULTIPLE_DOCS: 'a second document begins here; one file holds one',
  TAB_AS_INDENT: 'indented with a tab; YAML wants spaces',
  TAG_RESOLVE_FAILED: `an unknown !tag; ${quote}`,
  UNEXPECTED_TOKEN: `something here does not belong; ${quote}`,
};
