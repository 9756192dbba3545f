import Database from 'better-sqlite3';

/** Loads the native addon, which else happens when a thread opens its first database: a thread cannot be ended meanwhile. */
export function loadSqlite(): void {
  new Database(':memory:').close();
}
