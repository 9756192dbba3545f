import { HclError } from './hcl-error.ts';
import {
  asBoolean,
  asList,
  asNumber,
  asObject,
  asText,
  isEqual,
  isList,
  isObjectValue,
  type HclValue,
} from './value.ts';

/** A function of HCL. */
export type HclFunction = (args: readonly HclValue[], line: number) => HclValue;

/** Functions of texts. */
function ofTexts(work: (...texts: string[]) => HclValue): HclFunction {
  return (args, line) => {
    if (args.length < work.length) throw new HclError(line, `${work.length} arguments are wanted`);
    return work(...args.map((arg) => asText(arg, line)));
  };
}

function ofNumbers(work: (...numbers: number[]) => HclValue): HclFunction {
  return (args, line) => {
    if (args.length < work.length) throw new HclError(line, `${work.length} arguments are wanted`);
    return work(...args.map((arg) => asNumber(arg, line)));
  };
}

function trimmedOf(text: string, characters: string, side: 'start' | 'end' | 'both'): string {
  const chars = Array.from(text);
  const first = side === 'end' ? 0 : chars.findIndex((char) => !characters.includes(char));
  const last =
    side === 'start' ? chars.length - 1 : chars.findLastIndex((char) => !characters.includes(char));
  return first < 0 ? '' : chars.slice(first, last + 1).join('');
}

function basename(path: string): string {
  const [name = ''] = /[^/]*$/u.exec(path.replace(/\/+$/u, '')) ?? [];
  return path === '' ? '.' : name || '/';
}

function lengthOf(value: HclValue, line: number): number {
  if (isList(value)) return value.length;
  if (isObjectValue(value)) return value.size;
  throw new HclError(line, 'no list');
}

const anything = (args: readonly HclValue[], index: number): HclValue => args[index] ?? null;

/**
 * Functions that give the same wherever they are called, and are likely in names of images. Others are told
 * as unknown.
 */
export const functions: Readonly<Record<string, HclFunction>> = {
  upper: ofTexts((text) => text.toUpperCase()),
  lower: ofTexts((text) => text.toLowerCase()),
  trimspace: ofTexts((text) => text.trim()),
  chomp: ofTexts((text) => text.replace(/[\r\n]+$/u, '')),
  trim: ofTexts((text, characters) => trimmedOf(text, characters, 'both')),
  trimprefix: ofTexts((text, prefix) => (text.startsWith(prefix) ? text.slice(prefix.length) : text)),
  trimsuffix: ofTexts((text, suffix) =>
    suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text,
  ),
  replace: ofTexts((text, what, by) => text.replaceAll(what, () => by)),
  split: ofTexts((separator, text) => text.split(separator)),
  strlen: ofTexts((text) => Array.from(text).length),
  sanitize: ofTexts((text) => text.replaceAll(/[^a-zA-Z0-9_-]/gu, '_')),
  basename: ofTexts(basename),
  reverse: ofTexts((text) => Array.from(text).reverse().join('')),
  substr: (args, line) => {
    const chars = Array.from(asText(anything(args, 0), line));
    const offset = asNumber(anything(args, 1), line);
    const length = asNumber(anything(args, 2), line);
    const start = offset < 0 ? Math.max(chars.length + offset, 0) : offset;
    return chars.slice(start, length < 0 ? undefined : start + length).join('');
  },
  join: (args, line) =>
    args
      .slice(1)
      .flatMap((list) => asList(list, line))
      .map((item) => asText(item, line))
      .join(asText(anything(args, 0), line)),
  add: ofNumbers((a, b) => a + b),
  subtract: ofNumbers((a, b) => a - b),
  multiply: ofNumbers((a, b) => a * b),
  divide: ofNumbers((a, b) => a / b),
  max: ofNumbers((...numbers) => Math.max(...numbers)),
  min: ofNumbers((...numbers) => Math.min(...numbers)),
  greaterthan: ofNumbers((a, b) => a > b),
  lessthan: ofNumbers((a, b) => a < b),
  equal: (args) => isEqual(anything(args, 0), anything(args, 1)),
  notequal: (args) => !isEqual(anything(args, 0), anything(args, 1)),
  and: (args, line) => args.every((arg) => asBoolean(arg, line)),
  or: (args, line) => args.some((arg) => asBoolean(arg, line)),
  not: (args, line) => !asBoolean(anything(args, 0), line),
  coalesce: (args) => args.find((arg) => arg !== null) ?? null,
  compact: (args, line) => asList(anything(args, 0), line).filter((item) => item !== null && item !== ''),
  concat: (args, line) => args.flatMap((list) => asList(list, line)),
  contains: (args, line) => asList(anything(args, 0), line).some((item) => isEqual(item, anything(args, 1))),
  distinct: (args, line) =>
    asList(anything(args, 0), line).filter(
      (item, index, all) => all.findIndex((other) => isEqual(item, other)) === index,
    ),
  flatten: (args, line) => {
    const flat = (value: HclValue): readonly HclValue[] => (isList(value) ? value.flatMap(flat) : [value]);
    return flat(asList(anything(args, 0), line));
  },
  element: (args, line) => {
    const list = asList(anything(args, 0), line);
    if (list.length === 0) throw new HclError(line, 'an empty list');
    return list[asNumber(anything(args, 1), line) % list.length] ?? null;
  },
  length: (args, line) => lengthOf(anything(args, 0), line),
  keys: (args, line) => [...asObject(anything(args, 0), line).keys()].sort(),
  values: (args, line) => {
    const object = asObject(anything(args, 0), line);
    return [...object.keys()].sort().map((key) => object.get(key) ?? null);
  },
  lookup: (args, line) => {
    const found = asObject(anything(args, 0), line).get(asText(anything(args, 1), line));
    if (found === undefined && args.length < 3) throw new HclError(line, 'lookup finds nothing');
    return found ?? anything(args, 2);
  },
  merge: (args, line) => new Map(args.flatMap((object) => [...asObject(object, line)])),
};
