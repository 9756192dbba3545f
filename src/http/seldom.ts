import type { Clock } from '../clock.ts';

/** Limits how often something that clients can cause at will is logged, so that they cannot fill the log. */
export class Seldom {
  readonly #clock: Clock;
  readonly #quietMs: number;
  #saidAt = Number.NEGATIVE_INFINITY;
  #unsaid = 0;

  constructor(clock: Clock, quietMs: number) {
    this.#clock = clock;
    this.#quietMs = quietMs;
  }

  /** Calls `say` with how often it was left out since the last time, or leaves it out. */
  run(say: (unsaid: number) => void): void {
    const now = this.#clock.now();
    if (now - this.#saidAt < this.#quietMs) {
      this.#unsaid += 1;
      return;
    }
    say(this.#unsaid);
    this.#saidAt = now;
    this.#unsaid = 0;
  }
}
