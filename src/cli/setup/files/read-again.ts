import { isDeepStrictEqual } from 'node:util';
import { parse as parseYaml } from 'yaml';
import type { Entry } from './entries.ts';
import { EditConflict, type EditKind } from './edit.ts';
import { hasMark } from './byte-order-mark.ts';
import { lookUp, parseToml, type Table } from './toml.ts';

/**
 * What the programs that have such a file make of it: dockerd of JSON, which may have a byte order mark; k3s and
 * RKE2 of YAML, by the rules of YAML 1.1; containerd, BuildKit and podman of TOML. What one of these
 * is told by Entrepot alone, as a whole file, is not read.
 * @throws EditConflict
 */
export function readAgain(kind: EditKind, text: string): unknown {
  try {
    switch (kind) {
      case 'json':
        // White space, which a byte order mark counts as here, is no settings.
        return text.trim() === '' ? {} : JSON.parse(hasMark(text) ? text.slice(1) : text);
      case 'yaml':
        return parseYaml(text, { version: '1.1', merge: true });
      case 'block':
        return parseToml(text);
      case 'whole':
        return undefined;
    }
  } catch (cause) {
    throw new EditConflict('could not be read any more after the change: do it by hand', { cause });
  }
}

/**
 * Sees that a file says what it said before, and the entries besides.
 * @throws EditConflict
 */
export function proveEntries(
  kind: EditKind,
  before: string | undefined,
  after: string,
  entries: readonly Entry[],
): void {
  const now = asTable(readAgain(kind, after));
  const then = before === undefined ? {} : asTable(readAgain(kind, before));
  const holds = entries.every((entry) => {
    const value = lookUp(now, ...entry.path);
    if ('value' in entry) return value === entry.value;
    return Array.isArray(value) && entry.values.every((one) => value.includes(one));
  });
  const paths = entries.map(({ path }) => path);
  if (!holds || !isSame(without(now, paths), without(then, paths))) throw misread();
}

/**
 * Sees that a file says what it said before, and the lines besides.
 * @throws EditConflict
 */
export function proveLines(before: string, after: string, lines: string): void {
  const expected = merged(parseToml(before), parseToml(lines));
  if (!isSame(readAgain('block', after), expected)) throw misread();
}

function isSame(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(plain(one), plain(other));
}

/** With objects of one kind: parsers differ in what they make. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!isTable(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, below]) => [key, plain(below)]));
}

function misread(): EditConflict {
  return new EditConflict('would be read as something else after the change: do it by hand');
}

function asTable(value: unknown): Table {
  return isTable(value) ? value : {};
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Without what is at these paths, and without sections that have nothing else. */
function without(table: Table, paths: readonly (readonly string[])[]): Table {
  return Object.fromEntries(
    Object.entries(table).flatMap(([key, value]): [string, unknown][] => {
      const below = paths.filter(([first]) => first === key).map((path) => path.slice(1));
      if (below.length === 0) return [[key, value]];
      if (below.some((path) => path.length === 0)) return [];
      const rest = without(asTable(value), below);
      return Object.keys(rest).length === 0 ? [] : [[key, rest]];
    }),
  );
}

function merged(one: Table, other: Table): Table {
  const both = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const there = both[key];
    both[key] = isTable(there) && isTable(value) ? merged(there, value) : value;
  }
  return both;
}
