import type { Arrival } from '../blobs/arrival.ts';
import { Wakeup } from '../fill/wakeup.ts';

/** Blobs that dockerd and containerd fetch at a time. */
const leastAtATime = 3;
/** Bytes still to come that keep a link busy: beyond, another blob would only slow down those before it. */
const enoughBytes = 64 * 1024 * 1024;

/** Limits the blobs of an image that arrive at a time to what keeps the link busy: clients wait for them. */
export class BlobLimiter {
  readonly #limit: number;
  readonly #arrivals = new Set<Arrival>();
  readonly #changed = new Wakeup();
  readonly #onProgress: () => void;
  #running = 0;

  /**
   * @param limit blobs at a time, at most
   * @param onProgress called whenever more may have come of them
   */
  constructor(limit: number, onProgress: () => void = () => undefined) {
    this.#limit = limit;
    this.#onProgress = onProgress;
  }

  /** Resolves when one more blob may begin. */
  async room(): Promise<void> {
    while (!this.#hasRoom()) await this.#changed.next();
  }

  /** Counts a blob for as long as `fetch` takes, which tells of it once it is begun. */
  async run<T>(fetch: (begun: (arrival: Arrival) => void) => Promise<T>): Promise<T> {
    let arriving: Arrival | undefined;
    this.#running += 1;
    try {
      return await fetch((arrival) => {
        arriving = arrival;
        this.#arrivals.add(arrival);
        void this.#follow(arrival);
      });
    } finally {
      this.#running -= 1;
      if (arriving !== undefined) this.#arrivals.delete(arriving);
      this.#onProgress();
      this.#changed.wake();
    }
  }

  async #follow(arrival: Arrival): Promise<void> {
    while (this.#arrivals.has(arrival)) {
      this.#onProgress();
      this.#changed.wake();
      await arrival.progress();
    }
  }

  #hasRoom(): boolean {
    if (this.#running >= this.#limit) return false;
    if (this.#running < leastAtATime) return true;
    // What has not begun yet will have bytes to come as well: first see how many.
    if (this.#arrivals.size < this.#running) return false;
    const left = [...this.#arrivals].reduce((sum, arrival) => sum + arrival.left, 0);
    return left < enoughBytes;
  }
}
