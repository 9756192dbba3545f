import { pause, type Clock } from './clock.ts';

/** What {@link within} gives when the work takes longer. */
export const elapsed = Symbol('elapsed');

/**
 * The outcome of `work` if it has one within `ms` milliseconds. Work that takes longer goes on; its failure
 * is then ignored.
 */
export async function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T | typeof elapsed> {
  const waiting = new AbortController();
  const timeLimit = pause(clock, ms, waiting.signal).then((): typeof elapsed => elapsed);
  try {
    return await Promise.race([work, timeLimit]);
  } finally {
    waiting.abort();
  }
}
