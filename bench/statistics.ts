/**
 * The middle of `values`; of an even number the mean of the two middle ones.
 * @throws {RangeError} of none
 */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new RangeError('no values, so no median');
  return (lower + upper) / 2;
}
