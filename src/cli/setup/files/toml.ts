import { parse } from 'smol-toml';
import { EditConflict } from './edit.ts';

/** A table of a TOML file, or all of it. */
export type Table = Readonly<Record<string, unknown>>;

/** @throws EditConflict */
export function parseToml(text: string): Table {
  try {
    // Go's parsers have integers of 64 bits.
    return parse(text, { integersAsBigInt: 'asNeeded' });
  } catch (cause) {
    throw new EditConflict('is not valid TOML', { cause });
  }
}

/** What stands at the end of these keys; undefined when there is nothing. */
export function lookUp(table: Table, ...path: readonly string[]): unknown {
  let value: unknown = table;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value;
}

/** Lines for a file that has nothing else but comments. */
export function alone(lines: string): (rest: string) => string {
  return (rest) => {
    if (Object.keys(parseToml(rest)).length === 0) return lines;
    throw new EditConflict('is there already, and was not written by entrepot setup: add the lines by hand');
  };
}
