import { EditConflict, type AddedEntry } from './edit.ts';

/** A list that must hold some strings, or a string, at some place of a JSON or YAML file. */
export type Entry =
  | { readonly path: readonly string[]; readonly values: readonly string[] }
  | { readonly path: readonly string[]; readonly value: string };

/** A parsed file that can be changed in place, leaving alone what is not touched. */
export interface Tree {
  /** As plain JavaScript; undefined when it is not there. */
  get(path: readonly string[]): unknown;
  set(path: readonly string[], value: string | readonly string[]): void;
  delete(path: readonly string[]): void;
}

/** @throws EditConflict when something else stands there */
export function addEntry(tree: Tree, entry: Entry): AddedEntry | undefined {
  const { path } = entry;
  const depth = depthOf(tree, path);
  const current = tree.get(path) ?? undefined;
  if ('value' in entry) {
    if (current === entry.value) return undefined;
    if (current !== undefined) throw new EditConflict(`has another ${path.join('.')} already`);
    tree.set(path, entry.value);
    return { path, depth };
  }
  if (current !== undefined && !isStrings(current)) {
    throw new EditConflict(`has a ${path.join('.')} that is not a list of strings`);
  }
  const before = current ?? [];
  const values = entry.values.filter((value) => !before.includes(value));
  if (values.length === 0) return undefined;
  // Clients ask mirrors in order, and who sets up this one wants it asked.
  tree.set(path, [...values, ...before]);
  return { path, values, depth };
}

/** What is no longer there is passed over. */
export function removeEntry(tree: Tree, { path, values, depth }: AddedEntry): void {
  if (isBlocked(tree, path)) return;
  const current = tree.get(path);
  if (values === undefined) {
    if (current !== undefined) removeUpwards(tree, path, depth);
    return;
  }
  if (!isStrings(current)) return;
  const left = current.filter((value) => !values.includes(value));
  if (left.length === current.length) return;
  if (left.length === 0 && depth < path.length) removeUpwards(tree, path, depth);
  else tree.set(path, left);
}

/** Removes a key, and the sections around it that were made for it and are empty now. */
function removeUpwards(tree: Tree, path: readonly string[], depth: number): void {
  tree.delete(path);
  for (let length = path.length - 1; length > depth; length--) {
    const around = path.slice(0, length);
    if (Object.keys(tree.get(around) ?? {}).length > 0) return;
    tree.delete(around);
  }
}

function depthOf(tree: Tree, path: readonly string[]): number {
  for (let length = 1; length < path.length; length++) {
    const section = tree.get(path.slice(0, length));
    if (section === undefined) return length - 1;
    if (section !== null && !isSection(section)) {
      throw new EditConflict(`has a ${path.slice(0, length).join('.')} that is not a section`);
    }
    if (section === null) return length;
  }
  return tree.get(path) === undefined ? path.length - 1 : path.length;
}

function isBlocked(tree: Tree, path: readonly string[]): boolean {
  return path.some((_, index) => index > 0 && !isSection(tree.get(path.slice(0, index))));
}

function isSection(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((member) => typeof member === 'string');
}
