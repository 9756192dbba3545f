import { isDeepStrictEqual } from 'node:util';
import { applyEdits, modify } from 'jsonc-parser';
import { FileConflict, type Edited, type Rest } from './edited.ts';
import type { AddedEntry } from './record.ts';

/** Strings that must be members of the lists at these top-level keys. */
export type StringLists = Readonly<Record<string, readonly string[]>>;

/** dockerd takes a byte order mark, as some editors on Windows write it. */
const byteOrderMark = '\uFEFF';

/**
 * Adds what is missing. All other text stays as it was, byte order mark and numbers of any length included.
 * @throws FileConflict
 */
export function addToLists(text: string, lists: StringLists): Edited {
  const json = new JsonText(text);
  const added: AddedEntry[] = [];
  for (const [key, wanted] of Object.entries(lists)) {
    const current = json.get(key) ?? [];
    if (!isStrings(current)) throw new FileConflict(`has a ${key} that is not a list of strings`);
    const values = wanted.filter((value) => !current.includes(value));
    if (values.length === 0) continue;
    added.push({ path: [key], values, depth: json.get(key) === undefined ? 0 : 1 });
    // dockerd asks mirrors in order: this one first.
    json.set(key, [...values, ...current]);
  }
  return { text: added.length === 0 ? text : json.text, added };
}

/** Takes back what was added, as far as it is still there. */
export function removeFromLists(text: string, added: readonly AddedEntry[]): Rest {
  const json = new JsonText(text);
  for (const { path, values = [], depth } of added) {
    const [key = ''] = path;
    const current = json.get(key);
    if (!isStrings(current) || !current.some((value) => values.includes(value))) continue;
    const left = current.filter((value) => !values.includes(value));
    json.set(key, left.length === 0 && depth === 0 ? undefined : left);
  }
  return { text: json.text, empty: json.isEmpty };
}

/** A JSON object that is changed as text. */
class JsonText {
  #text: string;
  readonly #mark: string;
  readonly #indent: string;

  constructor(text: string) {
    this.#mark = text.startsWith(byteOrderMark) ? byteOrderMark : '';
    this.#text = text.trim() === '' ? '{}\n' : text.slice(this.#mark.length);
    this.#indent = /^([ \t]+)"/mu.exec(text)?.[1] ?? '  ';
    this.#parse();
  }

  get text(): string {
    return this.#mark + this.#text;
  }

  get isEmpty(): boolean {
    return this.#parse().size === 0;
  }

  get(key: string): unknown {
    return this.#parse().get(key);
  }

  /** @param value undefined removes the key */
  set(key: string, value: readonly string[] | undefined): void {
    const formattingOptions = {
      insertSpaces: !this.#indent.includes('\t'),
      tabSize: this.#indent.length,
      eol: this.#text.includes('\r\n') ? '\r\n' : '\n',
    };
    const expected = this.#parse();
    if (value === undefined) expected.delete(key);
    else expected.set(key, value);
    this.#text = applyEdits(this.#text, modify(this.#text, [key], value, { formattingOptions }));
    // A key that is there twice is changed at its first place, and programs read the last.
    if (!isDeepStrictEqual(this.#parse(), expected)) throw new FileConflict(`has ${key} twice`);
  }

  #parse(): Map<string, unknown> {
    let value: unknown;
    try {
      value = JSON.parse(this.#text);
    } catch (cause) {
      throw new FileConflict('is not valid JSON', { cause });
    }
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return new Map(Object.entries(value));
    }
    throw new FileConflict('is not a JSON object');
  }
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((member) => typeof member === 'string');
}
