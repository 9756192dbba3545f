import type { WarmEvent, WarmOptions } from './schemas.ts';

/** Fetches images ahead of all clients, so that nothing of them has to be fetched later. */
export interface Warmer {
  /**
   * Fetches what is not cached yet. Ending the iteration early ends the work behind it; what has come stays,
   * and the same call goes on from there. Rejects with CareError `invalid` for what is no image or platform;
   * what cannot be fetched is told in events.
   */
  warm(options: WarmOptions): AsyncIterable<WarmEvent>;
}
