import Database from 'better-sqlite3';
import { basename } from 'node:path';
import { StoreError } from '../../store-error.ts';
import { databaseError } from '../error.ts';
import { migrate } from '../schema.ts';
import { DamagedDatabase } from './damaged-database.ts';
import { plainSchema } from './new-rows.ts';
import { Salvage, type AbsentTag, type Losses } from './salvage.ts';

/** Of the database that is made, in memory. */
const cacheBytes = 256 * 1024 * 1024;

export interface RebuildRequest {
  /** Paths of databases to read, damaged or not; where two disagree, the first is right. */
  readonly sources: readonly string[];
  /** Path of the database to be made; there is none yet. */
  readonly into: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What a rebuilt database holds, and what it does not. */
export interface RebuildReport extends Readonly<Losses> {
  readonly repositories: number;
  readonly manifests: number;
  readonly tags: number;
  readonly rights: number;
  readonly pins: number;
  /** Manifests that the first source counted and that are lost; undefined when the count cannot be read. */
  readonly manifestsLost: number | undefined;
  /** Names of the sources that could not be read at all. */
  readonly unreadable: readonly string[];
  /** Whether it is sure which upstreams were ever asked with an account. */
  readonly guardedKnown: boolean;
}

/**
 * Makes a new database of what can be read of others. Blobs get no rows: their files count. For a thread of
 * its own.
 * @throws {StoreError} when the new one cannot be written
 */
export function rebuildDatabase({ sources, into, now }: RebuildRequest): RebuildReport {
  let database: Database.Database | undefined;
  try {
    database = new Database(into);
    // Nothing is lost by a crash but the time: the next start begins again.
    database.pragma('journal_mode = OFF');
    database.pragma('synchronous = OFF');
    database.pragma('locking_mode = EXCLUSIVE');
    // No row is written before the one that it refers to.
    database.pragma('foreign_keys = OFF');
    // Rows come in no order, and their pages are wanted again and again.
    database.pragma(`cache_size = ${-cacheBytes / 1024}`);
    migrate(database, plainSchema);
    return fill(database, sources, now);
  } catch (cause) {
    throw databaseError(cause);
  } finally {
    database?.close();
  }
}

function fill(database: Database.Database, sources: readonly string[], now: number): RebuildReport {
  const losses: Losses = { rejected: 0, gaps: 0 };
  const pins = new Map<string, number>();
  const absentTags: AbsentTag[] = [];
  const unreadable: string[] = [];
  let guardedKnown = false;
  let expected: unknown;
  for (const file of sources) {
    using source = opened(file);
    if (source === undefined) {
      unreadable.push(basename(file));
      continue;
    }
    if (file === sources[0] && source.columns('usage').has('manifests')) {
      expected = source.one('SELECT manifests FROM usage');
    }
    const salvage = new Salvage(source, database, now, losses);
    const complete = database.transaction(() => salvage.run())();
    guardedKnown ||= complete;
    for (const { pattern, createdAt } of salvage.pins()) {
      if (!pins.has(pattern)) pins.set(pattern, createdAt);
    }
    absentTags.push(...salvage.absentTags());
    losses.gaps += source.gaps;
  }
  migrate(database);
  const insertPin = database.prepare<[string, number]>(`INSERT INTO pin (pattern, created_at) VALUES (?, ?)`);
  for (const [pattern, createdAt] of pins) insertPin.run(pattern, createdAt);
  const insertAbsent = database.prepare<[AbsentTag]>(`
    INSERT INTO absent_tag (repository, name, subject, checked_at)
    SELECT repository, @name, digest, @checkedAt FROM repository_manifest held
    WHERE repository = @repository AND digest = @digest
      AND NOT EXISTS (SELECT 1 FROM tag WHERE tag.repository = held.repository AND tag.name = @name)
    ON CONFLICT DO NOTHING`);
  for (const absent of absentTags) insertAbsent.run(absent);
  const count = (table: string): number =>
    Number(database.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
  const manifests = count('manifest');
  return {
    ...losses,
    repositories: count('repository'),
    manifests,
    tags: count('tag'),
    rights: count('repository_blob'),
    pins: pins.size,
    manifestsLost: typeof expected === 'number' ? Math.max(0, expected - manifests) : undefined,
    unreadable,
    guardedKnown,
  };
}

/** Undefined for a file in which nothing of ours can be read. */
function opened(file: string): DamagedDatabase | undefined {
  let database: DamagedDatabase | undefined;
  try {
    database = DamagedDatabase.open(file);
    if (database.columns('repository').size > 0) return database;
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
  }
  database?.[Symbol.dispose]();
  return undefined;
}
