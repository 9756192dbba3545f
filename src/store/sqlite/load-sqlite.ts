import Database from 'better-sqlite3';

/** Loads the native addon, which better-sqlite3 does only with its first database. */
export function loadSqlite(): void {
  new Database(':memory:').close();
}
