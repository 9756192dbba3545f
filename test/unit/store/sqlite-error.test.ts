import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { databaseError } from '../../../src/store/sqlite/error.ts';

it.each([
  ['SQLITE_BUSY', 'LOCKED'],
  ['SQLITE_BUSY_SNAPSHOT', 'LOCKED'],
  ['SQLITE_LOCKED_SHAREDCACHE', 'LOCKED'],
  ['SQLITE_FULL', 'NO_SPACE'],
  ['SQLITE_IOERR_SHMSIZE', 'NO_SPACE'],
  ['SQLITE_READONLY_DBMOVED', 'NOT_WRITABLE'],
  ['SQLITE_CANTOPEN', 'NOT_WRITABLE'],
  ['SQLITE_IOERR_FSYNC', 'IO'],
  ['SQLITE_CORRUPT_INDEX', 'CORRUPT'],
  ['SQLITE_NOTADB', 'CORRUPT'],
  ['SQLITE_TOOBIG', 'IO'],
])('calls %s %s', (result, code) => {
  const cause = new Database.SqliteError('message', result);
  expect(databaseError(cause)).toMatchObject({ name: 'StoreError', code, cause });
});

it('calls any other error IO', () => {
  expect(databaseError(new TypeError('The database connection is not open')).code).toBe('IO');
});
