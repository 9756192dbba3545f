/** Less than this in a whole window is no progress, in bytes. */
const minBytes = 1024;
/** Of waiting, in milliseconds. */
const windowMs = 60_000;

/**
 * Notices a body that drips: each piece comes before the idle timeout, and the whole never. Only the time
 * spent waiting for upstream counts, so that a slow reader is not taken for a slow upstream.
 */
export class Pace {
  #bytes = 0;
  #waitedMs = 0;

  /**
   * Counts `bytes` that came after a wait of `waitedMs`.
   * @returns false when it goes on too slowly
   */
  keepsUp(bytes: number, waitedMs: number): boolean {
    this.#bytes += bytes;
    this.#waitedMs += Math.max(0, waitedMs);
    if (this.#waitedMs < windowMs) return true;
    if (this.#bytes < minBytes) return false;
    this.#bytes = 0;
    this.#waitedMs = 0;
    return true;
  }
}
