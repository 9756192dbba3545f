/** The current time and waiting; injected, so that tests control both. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** The monotonic clock in whole milliseconds. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when that aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Waits `ms` milliseconds; false when the signal aborts first. Repeats as `while (await pause(…))`. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  return clock.sleep(ms, signal).then(
    () => true,
    () => false,
  );
}

/** Whether `since` (ms since the epoch) is less than `ms` ago; not in the future: the clock was set back. */
export function isWithin(clock: Clock, ms: number, since: number | undefined): boolean {
  if (since === undefined) return false;
  const age = clock.now() - since;
  return age >= 0 && age < ms;
}
