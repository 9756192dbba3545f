import { setImmediate as turn } from 'node:timers/promises';
import { pause, type Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Positions } from './positions.ts';

/** How long a use may stay in memory only, in milliseconds. */
const flushAfter = 30_000;

/** When content was last used. */
export interface LastUse {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Its place among all uses. */
  readonly position: number;
}

/** When content was last used, gathered in memory so that a hit costs no write. */
export class LastUsedBatch {
  readonly #clock: Clock;
  readonly #positions: Positions;
  readonly #write: (uses: ReadonlyMap<Digest, LastUse>) => number;
  readonly #onTrouble: (cause: unknown) => void;
  readonly #closing = new AbortController();
  /** In the order of their positions. */
  readonly #uses = new Map<Digest, LastUse>();
  #waiting = false;

  /**
   * @param write stores as many of the first uses as it has time for, and returns how many; if it throws,
   * they are kept
   * @param onTrouble told what `write` threw in the background
   */
  constructor(
    clock: Clock,
    positions: Positions,
    write: (uses: ReadonlyMap<Digest, LastUse>) => number,
    onTrouble: (cause: unknown) => void,
  ) {
    this.#clock = clock;
    this.#positions = positions;
    this.#write = write;
    this.#onTrouble = onTrouble;
  }

  note(digests: readonly Digest[]): void {
    if (this.#closing.signal.aborted) return;
    const at = this.#clock.now();
    for (const digest of digests) {
      this.#uses.delete(digest);
      this.#uses.set(digest, { at, position: this.#positions.next() });
    }
    if (!this.#waiting && this.#uses.size > 0) void this.#flushLater();
  }

  /** The last use, as long as it is not written down. */
  get(digest: Digest): LastUse | undefined {
    return this.#uses.get(digest);
  }

  /** A use that the caller writes itself, in place of any noted before. To be run inside that transaction. */
  useNow(digest: Digest): LastUse {
    this.#uses.delete(digest);
    const use = { at: this.#clock.now(), position: this.#positions.next() };
    this.#positions.save();
    return use;
  }

  /** Hands all that was noted to `write`, and throws what that throws. */
  flush(): void {
    while (this.#uses.size > 0) this.#flushSome();
  }

  /**
   * Stops waiting, and writes the rest. Where that fails, say on a full disk, the uses are lost: no reason
   * not to stop.
   */
  close(): void {
    this.#closing.abort();
    try {
      this.flush();
    } catch (cause) {
      this.#onTrouble(cause);
    }
  }

  #flushSome(): void {
    let written = this.#write(this.#uses);
    for (const digest of this.#uses.keys()) {
      if (written-- <= 0) return;
      this.#uses.delete(digest);
    }
  }

  /** The position of the use that is written next. */
  #first(): number {
    const [first] = this.#uses.values();
    return first?.position ?? Infinity;
  }

  async #flushLater(): Promise<void> {
    this.#waiting = true;
    const { signal } = this.#closing;
    try {
      while (this.#uses.size > 0 && (await pause(this.#clock, flushAfter, signal))) {
        // What is noted meanwhile waits for the next time: it may be used again before.
        const last = this.#positions.highest;
        while (!signal.aborted && this.#first() <= last) {
          this.#flushSome();
          await turn();
        }
      }
    } catch (cause) {
      // Nothing is lost: the uses are still here, and the next one starts another wait.
      this.#onTrouble(cause);
    } finally {
      this.#waiting = false;
    }
  }
}
