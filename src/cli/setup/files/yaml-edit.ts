import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
  type Document,
  type ToStringOptions,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { behindMark } from './byte-order-mark.ts';
import { EditConflict, type AddedEntry, type Rest } from './edit.ts';
import { EntriesEdit, type TextTree } from './entries-edit.ts';
import { removeEntry, type Entry } from './entries.ts';

/** Entries of a YAML file. */
export class YamlEdit extends EntriesEdit {
  constructor(entries: readonly Entry[]) {
    super('yaml', entries, (text) => new YamlTree(text ?? ''));
  }
}

export function takeBackYaml(text: string, added: readonly AddedEntry[]): Rest {
  return behindMark(text, (rest) => {
    const tree = new YamlTree(rest);
    for (const entry of added.toReversed()) removeEntry(tree, entry);
    return { text: tree.text, empty: tree.text.trim() === '' || tree.text.trim() === '{}' };
  });
}

class YamlTree implements TextTree {
  readonly #before: string;
  readonly #document: Document;
  #changed = false;

  constructor(text: string) {
    this.#before = text;
    this.#document = parseDocument(text, { prettyErrors: false });
    const [error] = this.#document.errors;
    if (error !== undefined) throw new EditConflict('is not valid YAML', { cause: error });
    const { contents } = this.#document;
    if (contents !== null && !isMap(contents) && contents.toJSON() !== null) {
      throw new EditConflict('is not a YAML mapping');
    }
    if (contents !== null && !isMap(contents)) this.#document.contents = null;
  }

  get text(): string {
    return this.#changed ? this.#document.toString(styleOf(this.#before)) : this.#before;
  }

  get(path: readonly string[]): unknown {
    for (let length = 1; length <= path.length; length++) {
      const node = this.#document.getIn(path.slice(0, length), true);
      // What stands there is shared with other places.
      if (isAlias(node)) throw new EditConflict(`has an alias at ${path.slice(0, length).join('.')}`);
      if (!isNode(node)) return undefined;
      if (length === path.length) return node.toJS(this.#document);
      if (!isMap(node)) return undefined;
    }
    return undefined;
  }

  set(path: readonly string[], value: string | readonly string[]): void {
    this.#changed = true;
    for (let length = 1; length < path.length; length++) {
      const section = path.slice(0, length);
      const node = this.#document.getIn(section, true);
      if (isMap(node)) unfold(node);
      else if (this.get(section) === null) this.#document.setIn(section, this.#document.createNode({}));
    }
    const current = this.#document.getIn(path, true);
    if (typeof value === 'string' || !isSeq(current)) {
      this.#document.setIn(path, this.#document.createNode(value));
      return;
    }
    unfold(current);
    // The members that stay keep their comments and quotes.
    const items: readonly unknown[] = current.items;
    current.items = value.map(
      (member) =>
        items.find((item) => isScalar(item) && item.value === member) ?? this.#document.createNode(member),
    );
  }

  delete(path: readonly string[]): void {
    this.#changed = true;
    this.#document.deleteIn(path);
  }
}

/** `{}` and `[]` are written so only because nothing is in them. */
function unfold(node: YAMLMap | YAMLSeq): void {
  if (node.items.length === 0) node.flow = false;
}

/** The serializer's options that come nearest to how the file is written. */
function styleOf(text: string): ToStringOptions {
  return {
    lineWidth: 0,
    indent: /^( +)\S/mu.exec(text)?.[1]?.length === 4 ? 4 : 2,
    indentSeq: !/^( *)[^\s#-][^\n]*:[ \t]*\n\1- /mu.test(text),
    flowCollectionPadding: /[{[] /u.test(text) || !/[{[]\S/u.test(text),
  };
}
