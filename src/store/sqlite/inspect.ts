import Database from 'better-sqlite3';
import { databaseError } from './error.ts';
import { migrations } from './schema.ts';

interface SchemaVersion {
  /** Of the database. */
  readonly version: number;
  /** The newest that this version of Entrepot knows. */
  readonly newest: number;
}

/**
 * Looks at the metadata database in `file` without changing it; another process may be using it.
 * @throws {StoreError} when it is none, or cannot be read
 */
export function inspectDatabase(file: string): SchemaVersion {
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { readonly: true, fileMustExist: true, timeout: 500 });
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    return { version: Number(database.pragma('user_version', { simple: true })), newest: migrations.length };
  } catch (cause) {
    throw databaseError(cause);
  } finally {
    database?.close();
  }
}
