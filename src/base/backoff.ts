/** A pause that doubles with each failure in a row, in milliseconds. */
export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * The pause after so many failures in a row, 1 being the first.
 * @param jitter the part of it to wait, in [0, 1]: a random number keeps clients that failed together from coming back
 *   together
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffMs({ firstMs, longestMs }: Backoff, failures: number, jitter = 1): number {
  return Math.round(Math.min(firstMs * 2 ** (failures - 1), longestMs) * jitter);
}
