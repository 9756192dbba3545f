import type Database from 'better-sqlite3';
import type { Clock } from '../../base/clock.ts';
import { databaseError } from './error.ts';

/** Milliseconds to wait for another process's lock. SQLite blocks the event loop meanwhile. */
export const busyTimeout = 500;

/** Milliseconds after a failed wait in which writes do not wait again. */
const graceMs = 5_000;

/** Waits for a locked database once in a while, not for each write, as that blocks the event loop. */
export class LockTimeout {
  readonly #database: Database.Database;
  readonly #clock: Clock;
  /** When a wait last came to nothing, on the clock's monotonic time. */
  #lockedAt: number | undefined;

  constructor(database: Database.Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** The outcome of `write`, which takes the write lock. */
  run<T>(write: () => T): T {
    const wasLocked = this.#lockedAt !== undefined;
    const waits = this.#lockedAt === undefined || this.#clock.monotonic() - this.#lockedAt >= graceMs;
    if (wasLocked) this.#wait(waits ? busyTimeout : 0);
    try {
      const outcome = write();
      if (wasLocked) this.#wait(busyTimeout);
      this.#lockedAt = undefined;
      return outcome;
    } catch (cause) {
      if (waits && databaseError(cause).code === 'LOCKED') this.#lockedAt = this.#clock.monotonic();
      throw cause;
    }
  }

  #wait(ms: number): void {
    this.#database.pragma(`busy_timeout = ${ms}`);
  }
}
