import type Database from 'better-sqlite3';
import type { Clock } from '../../base/clock.ts';

/**
 * Positions in the eviction queue. A new one is higher than all before, across restarts and whichever way the
 * clock is set; normally it is about the time in milliseconds since the epoch.
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
