/** In bytes a second: a small cache is verified in a part of the period. */
const slowest = 4 * 1024 * 1024;
/** In bytes a second: leaves a disk time for pulls. */
const fastest = 32 * 1024 * 1024;

/** A period in which everything is verified once. */
export interface ScrubWindow {
  /** Milliseconds since the epoch; whatever was verified since is done. */
  readonly startsAt: number;
  readonly endsAt: number;
}

/**
 * The window of `now`. Windows are counted from the epoch, so that they need no state to survive a restart.
 */
export function scrubWindow(now: number, periodMs: number): ScrubWindow {
  const startsAt = Math.floor(now / periodMs) * periodMs;
  return { startsAt, endsAt: startsAt + periodMs };
}

/** The bytes a second at which `due` bytes are verified in `leftMs` milliseconds, within bounds. */
export function scrubRate(due: number, leftMs: number): number {
  const needed = leftMs > 0 ? Math.ceil((due / leftMs) * 1000) : fastest;
  return Math.min(fastest, Math.max(slowest, needed));
}
