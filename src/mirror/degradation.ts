import type { Clock } from '../clock.ts';
import { StoreError } from '../store/store-error.ts';
import type { Logger } from '../telemetry/log.ts';

const quietMs = 10_000;

/**
 * Keeps the mirror serving when its stores fail: failures are logged, once in a while for each kind, and requests are
 * answered as if nothing were cached.
 */
export class Degradation {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #loggedAt = new Map<string, number>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The outcome of `operation`, or undefined when the store fails. Errors that are not the store's go through. */
  async tolerate<T>(operation: () => Promise<T>): Promise<T | undefined> {
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.note(error);
      return undefined;
    }
  }

  /** Logs a failure of a store that has been dealt with. */
  note(error: StoreError): void {
    const now = this.#clock.now();
    if (now - (this.#loggedAt.get(error.code) ?? -quietMs) < quietMs) return;
    this.#loggedAt.set(error.code, now);
    this.#logger.error(
      { code: error.code, reason: error.message },
      'the cache has failed: answers pass through without being stored',
    );
  }
}
