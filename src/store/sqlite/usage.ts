import type { Clock } from '../../clock.ts';
import type { Digest } from '../../oci/digest.ts';

/** How long a use may stay in memory only, in milliseconds. */
const flushAfter = 30_000;

/** When content was last used, gathered in memory so that a hit costs no write. */
export class UsageBatch {
  readonly #clock: Clock;
  readonly #write: (uses: ReadonlyMap<Digest, number>) => void;
  readonly #onTrouble: (cause: unknown) => void;
  readonly #closing = new AbortController();
  #uses = new Map<Digest, number>();
  #waiting = false;

  /**
   * @param write stores the uses (digest to ms since the epoch); when it throws, they are kept for the next time
   * @param onTrouble is told what `write` threw when nobody else would hear of it
   */
  constructor(
    clock: Clock,
    write: (uses: ReadonlyMap<Digest, number>) => void,
    onTrouble: (cause: unknown) => void,
  ) {
    this.#clock = clock;
    this.#write = write;
    this.#onTrouble = onTrouble;
  }

  note(digests: readonly Digest[]): void {
    if (this.#closing.signal.aborted) return;
    const now = this.#clock.now();
    for (const digest of digests) this.#uses.set(digest, now);
    if (!this.#waiting && this.#uses.size > 0) void this.#flushLater();
  }

  /** Hands all that was noted to `write`, and throws what that throws. */
  flush(): void {
    if (this.#uses.size === 0) return;
    this.#write(this.#uses);
    this.#uses = new Map();
  }

  /** Stops waiting; what is still here wants a {@link flush}. */
  close(): void {
    this.#closing.abort();
  }

  async #flushLater(): Promise<void> {
    this.#waiting = true;
    try {
      await this.#clock.sleep(flushAfter, this.#closing.signal);
      this.flush();
    } catch (cause) {
      // Nothing is lost: the uses are still here, and the next one starts another wait.
      if (!this.#closing.signal.aborted) this.#onTrouble(cause);
    } finally {
      this.#waiting = false;
    }
  }
}
