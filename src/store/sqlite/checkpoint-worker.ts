import Database from 'better-sqlite3';
import { serveCalls } from '../../base/worker-thread.ts';
import { loadSqlite } from './load-sqlite.ts';

let database: Database.Database | undefined;

loadSqlite();

/** The other end of {@link Checkpointer}. PASSIVE neither waits nor blocks. */
serveCalls((file: string): void => {
  database ??= new Database(file, { fileMustExist: true });
  database.pragma('wal_checkpoint(PASSIVE)');
});
