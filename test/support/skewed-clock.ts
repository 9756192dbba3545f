import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../src/base/clock.ts';

/**
 * Real time plus what a test has added: sleeps last as long as they say, but what is fresh can be made due.
 */
export class SkewedClock implements Clock {
  #skew = 0;

  now(): number {
    return Date.now() + this.#skew;
  }

  monotonic(): number {
    return Math.floor(performance.now()) + this.#skew;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await delay(ms, undefined, { signal });
  }

  /** Moves time forward by `ms`. */
  advance(ms: number): void {
    this.#skew += ms;
  }
}
