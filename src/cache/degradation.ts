import { StoreError } from '../store/store-error.ts';
import type { StoreHealth } from './space/store-health.ts';

/** Keeps pulls going while the stores fail: they are answered as if nothing were cached. */
export class Degradation {
  readonly #health: Pick<StoreHealth, 'failed'>;

  /** @param health notes every failure */
  constructor(health: Pick<StoreHealth, 'failed'>) {
    this.#health = health;
  }

  /** The result of `operation`, or undefined when the store fails. Other errors are thrown. */
  async tolerate<T>(operation: () => Promise<T>): Promise<T | undefined> {
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.note(error);
      return undefined;
    }
  }

  /** Notes a failure of a store that has been handled. */
  note(error: StoreError): void {
    this.#health.failed(error);
  }
}
