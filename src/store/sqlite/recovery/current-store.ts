import type { MetadataStore } from '../../metadata-store.ts';
import { StoreError } from '../../store-error.ts';

/** The store on the database of the moment, which damage may put out of use at any time. */
export class CurrentStore {
  readonly #onDamage: (store: MetadataStore, error: StoreError) => void;
  #store: MetadataStore | undefined;

  /** @param onDamage told once of each store whose database turns out to be damaged, when it is no longer the current one */
  constructor(onDamage: (store: MetadataStore, error: StoreError) => void) {
    this.#onDamage = onDamage;
  }

  /** Undefined while there is none. */
  get store(): MetadataStore | undefined {
    return this.#store;
  }

  set store(store: MetadataStore) {
    this.#store = store;
  }

  /** What the store answers. Rejects with `CORRUPT` while there is none. */
  async ask<T>(question: (store: MetadataStore) => Promise<T>): Promise<T> {
    const store = this.#store;
    if (store === undefined) {
      throw new StoreError('CORRUPT', 'the metadata database is damaged, and is being rebuilt');
    }
    try {
      return await question(store);
    } catch (error) {
      this.report(store, error);
      throw error;
    }
  }

  /** Takes a store out of use if that error says that its database is damaged. */
  report(store: MetadataStore, error: unknown): void {
    if (!(error instanceof StoreError) || error.code !== 'CORRUPT' || store !== this.#store) return;
    this.#store = undefined;
    this.#onDamage(store, error);
  }
}
