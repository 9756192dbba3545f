import { setTimeout as sleep } from 'node:timers/promises';

/** The largest piece that goes out at once, in bytes. */
const maxPiece = 64 * 1024;
/** A piece is what passes in this time, in milliseconds: short, so that the flow is smooth. */
const pieceMs = 10;
/** A sender that a timer woke late may catch up on this much, in milliseconds. */
const slackMs = 50;

/** A limit on bytes per second. Senders that share it take turns, piece by piece. */
export class BandwidthLimit {
  readonly #bytesPerSecond: number;
  /** When the next piece may pass, on the monotonic clock in milliseconds. */
  #free = performance.now();

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** The size in bytes of the pieces in which to send. */
  get piece(): number {
    return Math.max(1, Math.min(maxPiece, Math.floor((this.#bytesPerSecond * pieceMs) / 1000)));
  }

  /** Resolves when `bytes` have passed. */
  async pass(bytes: number): Promise<void> {
    const now = performance.now();
    this.#free = Math.max(this.#free, now - slackMs) + (bytes * 1000) / this.#bytesPerSecond;
    const wait = this.#free - now;
    if (wait >= 1) await sleep(wait);
  }
}
