import type Database from 'better-sqlite3';
import type { Clock } from '../../base/clock.ts';

/**
 * Gives out positions in the queue of eviction. A later one is higher than all before it, in this process and those
 * before, whichever way the clock was set; while nobody sets it, a position is about the time in milliseconds since the epoch.
 */
export class Positions {
  readonly #clock: Clock;
  readonly #save;
  #highest: number;

  constructor(database: Database.Database, clock: Clock) {
    this.#clock = clock;
    this.#save = database.prepare<[{ highest: number }]>(
      `UPDATE usage SET queue_at = @highest WHERE queue_at < @highest`,
    );
    const last = database.prepare<[], { queue_at: number }>(`SELECT queue_at FROM usage`).get();
    this.#highest = last?.queue_at ?? 0;
  }

  /** The highest so far. */
  get highest(): number {
    return this.#highest;
  }

  next(): number {
    this.#highest = Math.max(this.#clock.now(), this.#highest + 1);
    return this.#highest;
  }

  /** Belongs into each transaction that writes positions down. */
  save(): void {
    this.#save.run({ highest: this.#highest });
  }
}
