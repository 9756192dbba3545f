import type { Clock } from '../../base/clock.ts';

/** Bytes that may be fetched in vain, and how long it takes until as many may be again, in milliseconds. */
export interface TokenBucketLimit {
  readonly bytes: number;
  readonly ms: number;
}

/** A token bucket of bytes: what may be fetched of all images together that no client asks for in the end. */
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

  draw(bytes: number): void {
    this.#refill();
    this.#left -= bytes;
  }

  /** Takes back what was drawn for an image that a client asks for after all. */
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
