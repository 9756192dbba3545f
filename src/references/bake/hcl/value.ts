import { HclError } from './hcl-error.ts';

/** What an expression evaluates to. */
export type HclValue = string | number | boolean | null | readonly HclValue[] | HclObject;

export type HclObject = ReadonlyMap<string, HclValue>;

export function isList(value: HclValue): value is readonly HclValue[] {
  return Array.isArray(value);
}

export function isObjectValue(value: HclValue): value is HclObject {
  return value instanceof Map;
}

/** @throws {HclError} for what cannot be written as a text */
export function asText(value: HclValue, line: number): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  // HCL writes all digits.
  if (typeof value === 'number')
    return value.toLocaleString('en', { useGrouping: false, maximumFractionDigits: 20 });
  throw new HclError(line, value === null ? 'null where a text is wanted' : 'no text');
}

/** @throws {HclError} */
export function asNumber(value: HclValue, line: number): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || Number.isNaN(number)) throw new HclError(line, 'no number');
  return number;
}

/** @throws {HclError} */
export function asBoolean(value: HclValue, line: number): boolean {
  if (typeof value === 'boolean') return value;
  if (value === 'true' || value === 'false') return value === 'true';
  throw new HclError(line, 'neither true nor false');
}

/** @throws {HclError} */
export function asList(value: HclValue, line: number): readonly HclValue[] {
  if (isList(value)) return value;
  throw new HclError(line, 'no list');
}

/** @throws {HclError} */
export function asObject(value: HclValue, line: number): HclObject {
  if (isObjectValue(value)) return value;
  throw new HclError(line, 'no object');
}

export function isEqual(a: HclValue, b: HclValue): boolean {
  if (isList(a) && isList(b))
    return a.length === b.length && a.every((item, index) => isEqual(item, b[index] ?? null));
  if (isObjectValue(a) && isObjectValue(b)) {
    return (
      a.size === b.size && [...a].every(([key, item]) => b.has(key) && isEqual(item, b.get(key) ?? null))
    );
  }
  return a === b;
}
