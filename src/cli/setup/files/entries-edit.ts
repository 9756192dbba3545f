import { behindMark } from './byte-order-mark.ts';
import type { Edit, Edited } from './edit.ts';
import { addEntry, type Entry, type Tree } from './entries.ts';
import { proveEntries } from './read-again.ts';

/** A tree that knows the text of its file. */
export interface TextTree extends Tree {
  readonly text: string;
}

/** Entries of a file whose format is known by how it is parsed. */
export class EntriesEdit implements Edit {
  readonly kind: 'json' | 'yaml';
  readonly shown: string;
  readonly #entries: readonly Entry[];
  readonly #parse: (text: string | undefined) => TextTree;

  /** @param parse makes a tree of a file's text; undefined: of a file without anything in it */
  constructor(
    kind: 'json' | 'yaml',
    entries: readonly Entry[],
    parse: (text: string | undefined) => TextTree,
  ) {
    this.kind = kind;
    this.#entries = entries;
    this.#parse = parse;
    this.shown = this.apply(undefined).text;
  }

  apply(text: string | undefined): Edited {
    if (text === undefined) return this.#edit(undefined);
    const edited = behindMark(text, (rest) => this.#edit(rest));
    if (edited.text !== text) proveEntries(this.kind, text, edited.text, this.#entries);
    return edited;
  }

  #edit(text: string | undefined): Edited {
    const tree = this.#parse(text);
    const added = this.#entries.flatMap((entry) => addEntry(tree, entry) ?? []);
    return { text: added.length === 0 && text !== undefined ? text : tree.text, added };
  }
}
