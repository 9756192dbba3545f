import Database from 'better-sqlite3';
import { serveCalls } from '../../base/worker-thread.ts';
import { findErrors } from './audit-findings.ts';
import { databaseError } from './error.ts';
import type { DatabaseAnswer, DatabaseAnswers, DatabaseJob } from './database-thread.ts';
import { loadSqlite } from './load-sqlite.ts';
import { rebuildDatabase } from './recovery/rebuild.ts';

/** Complaints of SQLite that are passed on. */
const maxComplaints = 100;

/** Pages copied at a time: the thread can be ended in between. */
const pagesAtATime = 1000;

interface Orphan {
  readonly table: string;
  readonly parent: string;
}

/** The other thread of {@link onDatabaseThread}. */
async function run(job: DatabaseJob): Promise<DatabaseAnswers[keyof DatabaseAnswers]> {
  switch (job.job) {
    case 'check':
      return check(job.file);
    case 'audit':
      return reading(job.file, findErrors);
    case 'backup':
      return await backup(job.file, job.to);
    case 'rebuild':
      return rebuildDatabase(job);
  }
}

function check(file: string): readonly string[] {
  return orDamage(() =>
    reading(file, (database) => {
      const complaints = problemsIn(database, 'integrity_check');
      if (complaints.length > 0) return complaints;
      const orphans = database.pragma('foreign_key_check') as Orphan[];
      return orphans
        .slice(0, maxComplaints)
        .map(({ table, parent }) => `a row of ${table} refers to a row of ${parent} that is missing`);
    }),
  );
}

/** Copies a snapshot of the database and checks the copy. */
async function backup(file: string, to: string): Promise<readonly string[]> {
  try {
    await copy(file, to);
  } catch (cause) {
    return damageOf(cause);
  }
  return orDamage(() => {
    const database = new Database(to);
    try {
      // In WAL mode a copy would be three files.
      database.pragma('journal_mode = DELETE');
      return problemsIn(database, 'quick_check');
    } finally {
      database.close();
    }
  });
}

function reading<T>(file: string, work: (database: Database.Database) => T): T {
  const database = new Database(file, { readonly: true, fileMustExist: true });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

async function copy(file: string, to: string): Promise<void> {
  const database = new Database(file, { readonly: true, fileMustExist: true });
  try {
    // Without a transaction that sees one moment, the copy would begin again whenever somebody writes.
    database.exec('BEGIN');
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    await database.backup(to, { progress: () => pagesAtATime });
  } finally {
    database.close();
  }
}

function orDamage(work: () => readonly string[]): readonly string[] {
  try {
    return work();
  } catch (cause) {
    return damageOf(cause);
  }
}

/** What an error says of the database; throws those that say nothing of it. */
function damageOf(cause: unknown): readonly string[] {
  const error = databaseError(cause);
  if (error.code !== 'CORRUPT') throw error;
  return [error.message];
}

function problemsIn(
  database: Database.Database,
  pragma: 'integrity_check' | 'quick_check',
): readonly string[] {
  const rows = database.prepare<[], string>(`PRAGMA ${pragma}(${maxComplaints})`).pluck().all();
  return rows.filter((row) => row !== 'ok');
}

loadSqlite();

serveCalls(async (job: DatabaseJob): Promise<DatabaseAnswer> => {
  try {
    return { done: await run(job) };
  } catch (cause) {
    const { code, message } = databaseError(cause);
    return { failure: { code, message } };
  }
});
