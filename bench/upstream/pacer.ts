import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How far behind schedule a sender may fall and still catch up, in milliseconds: timers are late by a few.
 */
const slack = 20;

/**
 * A link of limited speed. Whoever wants to send waits for its turn; turns are given in the order of asking.
 */
export class Pacer {
  readonly #bytesPerMillisecond: number;
  #freeAt = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMillisecond = bytesPerSecond / 1000;
  }

  /** Resolves when the link has carried `bytes` more. */
  async carry(bytes: number): Promise<void> {
    const now = performance.now();
    this.#freeAt = Math.max(this.#freeAt, now - slack) + bytes / this.#bytesPerMillisecond;
    const wait = this.#freeAt - now;
    if (wait > 1) await sleep(wait);
  }
}
