import { isMap, isSeq, parseDocument, type Document } from 'yaml';
import { FileConflict, type Rest } from './edited.ts';
import type { AddedEntry } from './record.ts';

/**
 * Removes the entries that versions up to 0.1 added to a YAML file of others, as far as they are still there.
 * @throws FileConflict
 */
export function removeYamlEntries(text: string, added: readonly AddedEntry[]): Rest {
  const document = parseDocument(text, { prettyErrors: false });
  const [cause] = document.errors;
  if (cause !== undefined) throw new FileConflict('is not valid YAML', { cause });
  const removed = added.toReversed().filter((entry) => removeEntry(document, entry));
  const mark = text.startsWith('\uFEFF') ? '\uFEFF' : '';
  const rest = removed.length === 0 ? text : mark + document.toString({ lineWidth: 0 });
  return { text: rest, empty: /^\uFEFF?\s*(?:\{\s*\})?\s*$/u.test(rest) };
}

function removeEntry(document: Document, { path, values, depth }: AddedEntry): boolean {
  const node = document.getIn(path, true);
  if (node === undefined) return false;
  if (values !== undefined) {
    if (!isSeq<{ readonly value?: unknown }>(node)) return false;
    const left = node.items.filter(({ value }) => typeof value !== 'string' || !values.includes(value));
    if (left.length === node.items.length) return false;
    node.items = left;
    if (left.length > 0 || depth === path.length) return true;
  }
  document.deleteIn(path);
  // The sections around it that were made for it.
  for (let length = path.length - 1; length > depth; length -= 1) {
    const section = document.getIn(path.slice(0, length), true);
    if (isMap(section) && section.items.length > 0) break;
    document.deleteIn(path.slice(0, length));
  }
  return true;
}
