import { distance } from 'fastest-levenshtein';

/** How many are named. */
const atMost = 3;

/** One letter in so many may differ. */
const nearness = 2.5;

const inOrder = new Intl.Collator('en', { numeric: true });

/** A tag as people read it: `v1.20.3-alpine` is version 1.20.3 of the variant `alpine`. */
interface VersionTag {
  readonly version: readonly number[];
  readonly variant: string;
}

/**
 * Those tags that are nearest to the one that is wanted, nearest first: of the same version, then of near
 * ones, and among those of the most similar variant; for a name such as `latest` the most similar, then the
 * newest.
 */
export function nearestTags<T extends string>(wanted: string, tags: readonly T[]): readonly T[] {
  const want = parse(wanted);
  const rated = tags.map((tag) => {
    const { version, variant } = parse(tag);
    return { tag, apart: apart(want.version, version), edits: distance(want.variant, variant) };
  });
  rated.sort(
    (one, other) =>
      compare(one.apart, other.apart) || one.edits - other.edits || inOrder.compare(other.tag, one.tag),
  );
  return rated.slice(0, atMost).map(({ tag }) => tag);
}

/** Those names that are similar to the one that is wanted, most similar first; often there is none. */
export function nearestNames(wanted: string, names: readonly string[]): readonly string[] {
  const rated = names
    .filter((name) => isNear(wanted, name))
    .map((name) => ({
      name,
      edits: Math.min(distance(wanted, name), distance(lastPart(wanted), lastPart(name))),
    }));
  rated.sort((one, other) => one.edits - other.edits || inOrder.compare(one.name, other.name));
  return rated.slice(0, atMost).map(({ name }) => name);
}

/** Whether someone who wrote `wanted` may have meant `name`: few letters differ, or only the owner does. */
export function isNear(wanted: string, name: string): boolean {
  const [one, other] = [lastPart(wanted), lastPart(name)];
  return one === other || distance(one, other) * nearness <= one.length;
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

function parse(tag: string): VersionTag {
  const [, numbers = '', variant = tag] = /^v?([0-9]+(?:\.[0-9]+)*)(?:[-._+]?(.*))?$/.exec(tag) ?? [];
  return numbers === ''
    ? { version: [], variant: tag }
    : { version: numbers.split('.').map(Number), variant };
}

/**
 * How far apart two versions are, the most significant number first: `1.20` is within `1.20.3`. Names without
 * a version are further from those with one than any two versions.
 */
function apart(one: readonly number[], other: readonly number[]): readonly number[] {
  if ((one.length === 0) !== (other.length === 0)) return [Infinity];
  const length = Math.min(one.length, other.length);
  return Array.from({ length }, (_, index) => Math.abs((one[index] ?? 0) - (other[index] ?? 0)));
}

/** By the first number that differs; what is missing counts as 0. */
function compare(one: readonly number[], other: readonly number[]): number {
  for (let index = 0; index < Math.max(one.length, other.length); index += 1) {
    const [first = 0, second = 0] = [one[index], other[index]];
    if (first !== second) return first - second;
  }
  return 0;
}
