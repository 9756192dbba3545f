import { join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { fileError } from '../file-error.ts';
import { makeFolder } from '../folder.ts';
import { StoreError } from '../store-error.ts';
import { databaseError } from './error.ts';

/**
 * One process's claim on a data folder: two that write to the same ingest files would spoil each other's work.
 *
 * It is SQLite's exclusive lock on a database that stays empty. The system lets go of it when the process ends, however
 * it ends, so that there is nothing to clean up after a crash.
 */
export class FolderLock {
  readonly #database: Database.Database;

  private constructor(database: Database.Database) {
    this.#database = database;
  }

  /**
   * Makes the folder if need be, and claims it.
   * @throws {StoreError} `IN_USE` when another process, or this one, has claimed it already
   */
  static async take(folder: string): Promise<FolderLock> {
    try {
      await makeFolder(resolve(folder));
    } catch (cause) {
      throw fileError('making the data folder', cause);
    }
    let database: Database.Database | undefined;
    try {
      // Whoever has it keeps it: waiting, which SQLite does by standing still, leads nowhere.
      database = new Database(join(folder, 'lock.sqlite'), { timeout: 0 });
      // Nothing is ever written, so there is nothing to roll back: a journal on the disk would need room, which a full one has not.
      database.pragma('journal_mode = MEMORY');
      database.exec('BEGIN EXCLUSIVE');
      return new FolderLock(database);
    } catch (cause) {
      database?.close();
      const error = databaseError(cause);
      if (error.code !== 'LOCKED') throw error;
      throw new StoreError('IN_USE', `another entrepot uses the folder ${resolve(folder)}`, { cause });
    }
  }

  /** Lets go of the folder; to be called after all that writes there is closed. */
  release(): void {
    this.#database.close();
  }
}
