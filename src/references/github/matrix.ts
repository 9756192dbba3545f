import { data } from '@actions/expressions';
import type { Value } from './expressions.ts';

/** The values of `matrix` for one job. */
export type Combination = ReadonlyMap<string, Value>;

/** GitHub refuses more for one run. */
const maxCombinations = 256;

/**
 * The jobs that a matrix makes, `include` and `exclude` applied; undefined for more than GitHub would run.
 * @see https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations
 */
export function combinationsOf(matrix: Value): readonly Combination[] | undefined {
  const pairs = dictionary(matrix);
  const axes = pairs.filter(({ key }) => key !== 'include' && key !== 'exclude');
  let combinations: Combination[] = axes.length === 0 ? [] : [new Map()];
  for (const { key, value } of axes) {
    const values = list(value);
    // Many may be excluded again.
    if (combinations.length * values.length > 16 * maxCombinations) return undefined;
    combinations = combinations.flatMap((one) => values.map((item) => new Map([...one, [key, item]])));
  }
  const excluded = list(find(pairs, 'exclude'));
  const kept = combinations.filter((one) => !excluded.some((entry) => fits(one, entry)));
  const entries = list(find(pairs, 'include'));
  if (entries.length > 16 * maxCombinations) return undefined;
  const all = include(kept, entries);
  return all.length > maxCombinations ? undefined : all;
}

/** Each entry extends those combinations whose own values it leaves as they are, or else is one more. */
function include(combinations: readonly Combination[], entries: readonly Value[]): readonly Combination[] {
  const extended = combinations.map((one) => new Map(one));
  const added: Combination[] = [];
  for (const entry of entries) {
    const pairs = dictionary(entry);
    let isUsed = false;
    for (const [index, own] of combinations.entries()) {
      if (!pairs.every(({ key, value }) => !own.has(key) || isEqual(own.get(key), value))) continue;
      isUsed = true;
      for (const { key, value } of pairs) extended[index]?.set(key, value);
    }
    if (!isUsed) added.push(new Map(pairs.map(({ key, value }) => [key, value])));
  }
  return [...extended, ...added];
}

function fits(combination: Combination, entry: Value): boolean {
  return dictionary(entry).every(({ key, value }) => isEqual(combination.get(key), value));
}

function isEqual(a: Value | undefined, b: Value): boolean {
  return a !== undefined && JSON.stringify(a, data.replacer) === JSON.stringify(b, data.replacer);
}

function dictionary(value: Value): readonly { readonly key: string; readonly value: Value }[] {
  return value instanceof data.Dictionary ? value.pairs() : [];
}

function list(value: Value | undefined): readonly Value[] {
  return value instanceof data.Array ? value.values() : [];
}

function find(pairs: ReturnType<typeof dictionary>, wanted: string): Value | undefined {
  return pairs.find(({ key }) => key === wanted)?.value;
}
