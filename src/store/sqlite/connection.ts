import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import type { Clock } from '../../base/clock.ts';
import { fileError } from '../file-error.ts';
import { makeFolder } from '../folder.ts';
import { Checkpointer } from './checkpointer.ts';
import { databaseError } from './error.ts';
import { busyTimeout, LockTimeout } from './lock-timeout.ts';
import { migrate } from './schema.ts';

/** Pages in the write-ahead log from which on a commit waits for a checkpoint. */
const longLog = 16_384;

/** Bytes that the file of the log may keep once all of it is in the database. */
const maxIdleLog = 16 * 1024 * 1024;

/** Of pages in memory: the upper levels of the indexes of a million blobs. */
const cacheKiB = 16_384;

/** An open database of the newest schema, and its transactions. */
export class Connection {
  readonly database: Database.Database;
  readonly #lockTimeout: LockTimeout;
  readonly #checkpointer: Checkpointer;

  /** @param database of the newest schema */
  constructor(database: Database.Database, clock: Clock) {
    this.database = database;
    this.#lockTimeout = new LockTimeout(database, clock);
    this.#checkpointer = new Checkpointer(database);
  }

  /**
   * Opens the database in `file`, makes it when there is none, and brings its schema up to date.
   * @throws {StoreError} `NEWER_SCHEMA` when a newer version of Entrepot wrote it
   */
  static async open(file: string, clock: Clock): Promise<Connection> {
    try {
      await makeFolder(dirname(resolve(file)));
    } catch (cause) {
      throw fileError('making the folder of the metadata database', cause);
    }
    let database: Database.Database | undefined;
    try {
      database = new Database(file, { timeout: busyTimeout });
      database.pragma('journal_mode = WAL');
      // In WAL mode only FULL makes a commit survive a loss of power.
      database.pragma('synchronous = FULL');
      // Checkpoints are made on another thread: this is for when that one fails or cannot keep up.
      database.pragma(`wal_autocheckpoint = ${longLog}`);
      database.pragma(`journal_size_limit = ${maxIdleLog}`);
      database.pragma('foreign_keys = ON');
      database.pragma(`cache_size = ${-cacheKiB}`);
      database.pragma('temp_store = MEMORY');
      migrate(database);
      return new Connection(database, clock);
    } catch (cause) {
      database?.close();
      throw databaseError(cause);
    }
  }

  /**
   * Runs `work` in an immediate transaction: one that reads first and writes later may fail on a newer
   * snapshot.
   */
  transact<T>(work: () => T): T {
    const transaction = this.database.transaction(work);
    const outcome = this.#lockTimeout.run(() => transaction.immediate());
    this.#checkpointer.afterWrite();
    return outcome;
  }

  /** As {@link transact}, without a flush: a power failure may undo it, until something else is written. */
  transactLazily<T>(work: () => T): T {
    this.database.pragma('synchronous = NORMAL');
    try {
      return this.transact(work);
    } finally {
      this.database.pragma('synchronous = FULL');
    }
  }

  /** Closes the database, on all threads. */
  async close(): Promise<void> {
    await this.#checkpointer[Symbol.asyncDispose]();
    this.database.close();
  }
}
