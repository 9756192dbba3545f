/** The current time and waiting; injected, so that tests control both. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Whole milliseconds since some moment in the past; never set back or forward, as {@link now} is when the clock is set. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when that aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/**
 * Waits `ms` milliseconds; resolves to false when the signal aborts first. Work that is repeated until then:
 * `while (await pause(clock, ms, signal)) …`
 */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  return clock.sleep(ms, signal).then(
    () => true,
    () => false,
  );
}

/**
 * Whether `since` (milliseconds since the epoch) is less than `ms` milliseconds ago. A time in the future is not: the clock
 * was set back, and nothing may count as fresh for hours because of that.
 */
export function isWithin(clock: Clock, ms: number, since: number | undefined): boolean {
  if (since === undefined) return false;
  const age = clock.now() - since;
  return age >= 0 && age < ms;
}
