import type { UpstreamName } from '../../oci/reference.ts';
import { StoreError } from '../store-error.ts';
import { databaseError } from './error.ts';
import type { OpenDatabase } from './open-database.ts';

/**
 * The metadata database in use. A damaged one is taken out of use, and all calls reject with `CORRUPT` until
 * a rebuilt one replaces it. Work is synchronous, in short transactions; all errors are StoreErrors.
 */
export class MetadataDatabase {
  /** Upstreams known to be asked with an account: a rebuilt database is told of them. */
  readonly guarded = new Set<UpstreamName>();
  readonly #onDamage: ((damaged: OpenDatabase, error: StoreError) => void) | undefined;
  #current: OpenDatabase | undefined;

  /** @param onDamage told of each database that was taken out of use; without it, damaged ones stay in use */
  constructor(onDamage?: (damaged: OpenDatabase, error: StoreError) => void) {
    this.#onDamage = onDamage;
  }

  /** Undefined while there is none. */
  get current(): OpenDatabase | undefined {
    return this.#current;
  }

  use(database: OpenDatabase): void {
    this.#current = database;
  }

  /** The current database, for work in several steps: these fail once it has been replaced. */
  pinned(): OpenDatabase {
    if (this.#current !== undefined) return this.#current;
    throw new StoreError('CORRUPT', 'the metadata database is damaged, and is being rebuilt');
  }

  async read<T>(work: (database: OpenDatabase) => T): Promise<Awaited<T>> {
    const database = this.pinned();
    try {
      return await work(database);
    } catch (cause) {
      const error = databaseError(cause);
      this.report(database, error);
      throw error;
    }
  }

  /** As {@link read}, in a transaction. */
  write<T>(work: (database: OpenDatabase) => T): Promise<Awaited<T>> {
    return this.read((database) => database.connection.transact(() => work(database)));
  }

  /** Takes a database out of use if the error says that it is damaged. */
  report(database: OpenDatabase, error: StoreError): void {
    if (error.code !== 'CORRUPT' || database !== this.#current || this.#onDamage === undefined) return;
    this.#current = undefined;
    this.#onDamage(database, error);
  }

  async close(): Promise<void> {
    await this.#current?.close();
  }
}
