import { applyEdits, modify, type FormattingOptions } from 'jsonc-parser';
import { behindMark } from './byte-order-mark.ts';
import { EditConflict, type AddedEntry, type Rest } from './edit.ts';
import { EntriesEdit, type TextTree } from './entries-edit.ts';
import { removeEntry, type Entry } from './entries.ts';

/** Entries of a JSON file. */
export class JsonEdit extends EntriesEdit {
  constructor(entries: readonly Entry[]) {
    super('json', entries, (text) => new JsonTree(text === undefined || text.trim() === '' ? '{}\n' : text));
  }
}

export function takeBackJson(text: string, added: readonly AddedEntry[]): Rest {
  return behindMark(text, (rest) => {
    const tree = new JsonTree(rest);
    for (const entry of added.toReversed()) removeEntry(tree, entry);
    return { text: tree.text, empty: Object.keys(tree.get([]) ?? {}).length === 0 };
  });
}

/** JSON as text, so that all that is not touched stays as somebody wrote it, numbers of any length included. */
class JsonTree implements TextTree {
  #text: string;
  readonly #formattingOptions: FormattingOptions;

  constructor(text: string) {
    this.#text = text;
    const root = parse(text);
    if (typeof root !== 'object' || root === null || Array.isArray(root)) {
      throw new EditConflict('is not a JSON object');
    }
    const indent = /^([ \t]+)"/mu.exec(text)?.[1] ?? '  ';
    this.#formattingOptions = {
      insertSpaces: !indent.includes('\t'),
      tabSize: indent.length,
      eol: text.includes('\r\n') ? '\r\n' : '\n',
    };
  }

  get text(): string {
    return this.#text;
  }

  get(path: readonly string[]): unknown {
    let value = parse(this.#text);
    for (const key of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
      value = Object.getOwnPropertyDescriptor(value, key)?.value;
    }
    return value;
  }

  set(path: readonly string[], value: string | readonly string[]): void {
    this.#modify(path, value);
    // A key that is there twice would have been changed at its first place, and programs read the last.
    if (JSON.stringify(this.get(path)) !== JSON.stringify(value)) throw twice(path);
  }

  delete(path: readonly string[]): void {
    this.#modify(path, undefined);
    if (this.get(path) !== undefined) throw twice(path);
  }

  #modify(path: readonly string[], value: unknown): void {
    const edits = modify(this.#text, [...path], value, { formattingOptions: this.#formattingOptions });
    this.#text = applyEdits(this.#text, edits);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EditConflict('is not valid JSON', { cause });
  }
}

function twice(path: readonly string[]): EditConflict {
  return new EditConflict(`has ${path.join('.')} twice`);
}
