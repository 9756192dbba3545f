import { closeSync, constants, fstatSync, ftruncateSync, openSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import type { Logger } from '../../telemetry/log.ts';
import { fileError } from '../file-error.ts';
import { makeFolder } from '../folder.ts';
import { StoreError } from '../store-error.ts';
import { databaseError } from './error.ts';

/**
 * The lock on a data folder: two processes that write to the same ingest files would corrupt them. It is
 * SQLite's exclusive lock on a database that stays empty, which the system releases when the process ends,
 * even by a crash.
 */
export class FolderLock {
  readonly #database: Database.Database;

  private constructor(database: Database.Database) {
    this.#database = database;
  }

  /**
   * Creates the folder if need be, and locks it. A damaged lock file is emptied, unless it is locked.
   * @param logger told of that
   * @throws {StoreError} `IN_USE` when it is locked already
   */
  static async take(folder: string, logger?: Pick<Logger, 'warn'>): Promise<FolderLock> {
    try {
      await makeFolder(resolve(folder));
    } catch (cause) {
      throw fileError('making the data folder', cause);
    }
    const file = join(resolve(folder), 'lock.sqlite');
    try {
      return new FolderLock(claim(file));
    } catch (cause) {
      if (databaseError(cause).code !== 'CORRUPT') throw lockError(file, cause);
    }
    // Nothing may come between this and the claim: whoever closes a file loses this process's locks on it.
    empty(file);
    try {
      const lock = new FolderLock(claim(file));
      logger?.warn({ file }, 'the lock file was damaged and no process held it; it was emptied');
      return lock;
    } catch (cause) {
      throw lockError(file, cause);
    }
  }

  /** Lets go of the folder; to be called after all that writes there is closed. */
  release(): void {
    this.#database.close();
  }
}

/**
 * @throws {Database.SqliteError} `SQLITE_BUSY` while somebody has it, also where what is in the file makes no
 * sense
 */
function claim(file: string): Database.Database {
  // Whoever has it keeps it: waiting, which SQLite does by standing still, leads nowhere.
  const database = new Database(file, { timeout: 0 });
  try {
    // Nothing is ever written, so there is nothing to roll back: a journal on the disk would need room, which
    // a full one has not.
    database.pragma('journal_mode = MEMORY');
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Empties a lock file, whose contents do not matter: only locks on it do, so this is harmless if it has been
 * locked since, while a new file would let two processes in. Neither a link nor a file of another user is
 * touched: this user may have rights to what is behind it that others lack.
 */
function empty(file: string): void {
  const damaged = (cause?: unknown) =>
    new StoreError('CORRUPT', `${file} is damaged: remove it while no entrepot runs`, { cause });
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, constants.O_RDWR | constants.O_NOFOLLOW);
    const { nlink, uid } = fstatSync(descriptor);
    if (nlink !== 1 || (process.geteuid !== undefined && uid !== process.geteuid())) throw damaged();
    ftruncateSync(descriptor);
  } catch (error) {
    throw error instanceof StoreError ? error : damaged(error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function lockError(file: string, cause: unknown): StoreError {
  const { code } = databaseError(cause);
  if (code === 'LOCKED') {
    return new StoreError('IN_USE', `another entrepot uses the folder ${dirname(file)}`, { cause });
  }
  const reason = cause instanceof Database.SqliteError ? cause.code : 'it cannot be opened';
  return new StoreError(code, `the lock file ${file} cannot be used: ${reason}`, { cause });
}
