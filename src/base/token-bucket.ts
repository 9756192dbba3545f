import type { Clock } from './clock.ts';

/** So many bytes may be drawn at once, and as many again in the given milliseconds. */
export interface TokenBucketLimit {
  readonly bytes: number;
  readonly ms: number;
}

/**
 * A token bucket of bytes. More may be drawn than is in it: then it takes the longer until it is not spent any
 * more.
 */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #limit: TokenBucketLimit;
  #left: number;
  #at: number;

  constructor(clock: Clock, limit: TokenBucketLimit) {
    this.#clock = clock;
    this.#limit = limit;
    this.#left = limit.bytes;
    this.#at = clock.monotonic();
  }

  get isSpent(): boolean {
    this.#refill();
    return this.#left <= 0;
  }

  /** Milliseconds until it is not spent, if nothing is drawn meanwhile. */
  get spentMs(): number {
    this.#refill();
    const { bytes, ms } = this.#limit;
    return this.#left > 0 ? 0 : Math.floor((-this.#left / bytes) * ms) + 1;
  }

  draw(bytes: number): void {
    this.#refill();
    this.#left -= bytes;
  }

  /** Takes back what was drawn and is not used. */
  giveBack(bytes: number): void {
    this.#left = Math.min(this.#limit.bytes, this.#left + bytes);
  }

  #refill(): void {
    const now = this.#clock.monotonic();
    const { bytes, ms } = this.#limit;
    this.#left = Math.min(bytes, this.#left + ((now - this.#at) / ms) * bytes);
    this.#at = now;
  }
}
