/** A small cache is done early rather than read at a crawl for a month. Bytes a second. */
const slowest = 4 * 1024 * 1024;
/** A disk that serves pulls meanwhile has this to spare. Bytes a second. */
const fastest = 32 * 1024 * 1024;

/** A stretch of time in which everything is verified once. */
export interface ScrubWindow {
  /** Milliseconds since the epoch; whatever was verified since is done. */
  readonly startsAt: number;
  readonly endsAt: number;
}

/**
 * The window that `now` lies in. Windows are counted from the epoch: nothing has to be written down for a restart to
 * find the same one, and a clock that was set finds one, too.
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
