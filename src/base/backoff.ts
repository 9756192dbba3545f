/** A pause that doubles with each failure in a row, in milliseconds. */
export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * The pause after that many failures in a row.
 * @param jitter the part of it to wait, in [0, 1]: random, so that clients that failed together do not retry
 *   together
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffMs({ firstMs, longestMs }: Backoff, failures: number, jitter = 1): number {
  return Math.round(Math.min(firstMs * 2 ** (failures - 1), longestMs) * jitter);
}
