import type { Clock } from '../base/clock.ts';

/** Limits how often something that clients can cause at will is logged, so that they cannot fill the log. */
export class Throttle {
  readonly #clock: Clock;
  readonly #quietMs: number;
  #loggedAt = Number.NEGATIVE_INFINITY;
  #suppressed = 0;

  constructor(clock: Clock, quietMs: number) {
    this.#clock = clock;
    this.#quietMs = quietMs;
  }

  /** Calls `log` with how many times it was suppressed since the last call, or suppresses it. */
  run(log: (suppressed: number) => void): void {
    const now = this.#clock.now();
    if (now - this.#loggedAt < this.#quietMs) {
      this.#suppressed += 1;
      return;
    }
    log(this.#suppressed);
    this.#loggedAt = now;
    this.#suppressed = 0;
  }
}
