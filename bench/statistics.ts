/**
 * What one measurement gave; `above` where its time was up before the end, which would have come later than
 * that.
 */
export type Sample = number | { readonly above: number };

/** Several samples of one quantity. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Whether the true median is above that which is known. */
  readonly atLeast: boolean;
}

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

/**
 * Median, and from where to where; undefined of none. What was cut off counts with the value that it had
 * reached.
 */
export function summarize(samples: readonly Sample[]): Summary | undefined {
  if (samples.length === 0) return undefined;
  const reached = samples.map((sample) => (typeof sample === 'number' ? sample : sample.above));
  const unbounded = samples.map((sample) => (typeof sample === 'number' ? sample : Infinity));
  return {
    median: median(reached),
    min: Math.min(...reached),
    max: Math.max(...reached),
    atLeast: median(unbounded) === Infinity,
  };
}
