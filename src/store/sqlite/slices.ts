import { setImmediate as turn } from 'node:timers/promises';

/** Milliseconds that work on the database may keep the event loop from everything else. */
const sliceMs = 3;

/** Long work on the event loop's own thread, cut into pieces with a turn of the loop between them. */
export class Slices {
  #startedAt = performance.now();

  /** Whether this slice has taken its time. */
  get over(): boolean {
    return performance.now() - this.#startedAt >= sliceMs;
  }

  /** Lets others have their turn, if this slice is over. */
  async pause(): Promise<void> {
    if (!this.over) return;
    await turn();
    this.#startedAt = performance.now();
  }
}
