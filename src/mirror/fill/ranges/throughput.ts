/** A rate is taken over at least so long, in milliseconds. */
const windowMs = 40;

/** What connections gave together in the last window. */
export interface Rate {
  /** In bytes a millisecond. */
  readonly total: number;
  /** How many gave something, on average: between two ranges a connection gives nothing for a while. */
  readonly flowing: number;
  /** Since all of them began to flow, in milliseconds. */
  readonly elapsedMs: number;
}

interface Moment {
  readonly flowing: number;
  readonly now: number;
  /** Whether the connections that are to be measured flow, and no others. */
  readonly isComplete: boolean;
}

/** Measures what the connections of a blob give, a window at a time. */
export class Throughput {
  #startedAt: number | undefined;
  #windowAt = 0;
  #lastAt = 0;
  #lastFlowing = 0;
  #bytes = 0;
  /** Milliseconds of all connections that gave something. */
  #flowMs = 0;
  #perConnection: number | undefined;

  /** In bytes a millisecond; undefined before the first window has closed. */
  get perConnection(): number | undefined {
    return this.#perConnection;
  }

  /** The next window begins when all connections flow. */
  restart(): void {
    this.#startedAt = undefined;
  }

  /** The rate of a window that these bytes have closed. */
  received(bytes: number, { flowing, now, isComplete }: Moment): Rate | undefined {
    if (this.#startedAt === undefined) {
      if (isComplete) {
        this.#startedAt = now;
        this.#open(now, flowing);
      }
      return undefined;
    }
    this.#bytes += bytes;
    this.#flowMs += (now - this.#lastAt) * this.#lastFlowing;
    this.#lastAt = now;
    this.#lastFlowing = flowing;
    const ms = now - this.#windowAt;
    if (ms < windowMs || this.#flowMs === 0) return undefined;
    this.#perConnection = this.#bytes / this.#flowMs;
    const rate = { total: this.#bytes / ms, flowing: this.#flowMs / ms, elapsedMs: now - this.#startedAt };
    this.#open(now, flowing);
    return rate;
  }

  #open(now: number, flowing: number): void {
    this.#windowAt = now;
    this.#lastAt = now;
    this.#lastFlowing = flowing;
    this.#bytes = 0;
    this.#flowMs = 0;
  }
}
