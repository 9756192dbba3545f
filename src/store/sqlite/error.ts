import Database from 'better-sqlite3';
import { StoreError, type StoreErrorCode } from '../store-error.ts';

/** SQLite's primary result codes; extended ones, such as `SQLITE_BUSY_SNAPSHOT`, start with theirs. */
const codes: readonly (readonly [prefix: string, code: StoreErrorCode])[] = [
  ['SQLITE_BUSY', 'LOCKED'],
  ['SQLITE_LOCKED', 'LOCKED'],
  ['SQLITE_FULL', 'NO_SPACE'],
  // The index of the write-ahead log cannot grow, not even to its first size.
  ['SQLITE_IOERR_SHMSIZE', 'NO_SPACE'],
  ['SQLITE_READONLY', 'NOT_WRITABLE'],
  ['SQLITE_CANTOPEN', 'NOT_WRITABLE'],
  ['SQLITE_CORRUPT', 'CORRUPT'],
  ['SQLITE_NOTADB', 'CORRUPT'],
];

/** An error of the database as a StoreError; one that is a StoreError already stays as it is. */
export function databaseError(cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  if (!(cause instanceof Database.SqliteError)) {
    return new StoreError('IO', 'the metadata database failed', { cause });
  }
  const [, code = 'IO'] = codes.find(([prefix]) => cause.code.startsWith(prefix)) ?? [];
  return new StoreError(code, `the metadata database failed: ${cause.code}`, { cause });
}
