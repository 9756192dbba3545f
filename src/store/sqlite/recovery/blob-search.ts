import { setImmediate as turn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import type { Clock } from '../../../base/clock.ts';
import type { ContentStore, StoredBlob } from '../../content-store.ts';
import type { Digest } from '../../../oci/digest.ts';
import { databaseError } from '../error.ts';
import { BlobHistory, type PastBlob } from './blob-history.ts';

/** Rows that are written at a time. */
const batchSize = 25;

interface BlobSearchDeps {
  /** Path of the database that lacks rows. */
  readonly file: string;
  /** Paths of databases that may know more. */
  readonly sources: readonly string[];
  readonly content: ContentStore;
  readonly clock: Clock;
}

/**
 * Inserts the rows of blobs on disk that a rebuilt database lacks, a few at a time. Resolves to how many;
 * stops early when `signal` aborts.
 * @throws {StoreError} on trouble; to be run again then
 */
export async function searchBlobs(deps: BlobSearchDeps, signal: AbortSignal): Promise<number> {
  const { file, sources, content, clock } = deps;
  using history = new BlobHistory(sources);
  let database: Database.Database | undefined;
  try {
    // A connection of its own, which need not flush each batch: what is lost is found again.
    database = new Database(file, { fileMustExist: true, timeout: 500 });
    database.pragma('synchronous = NORMAL');
    const write = batchWriter(database, history, clock);
    let written = 0;
    let batch: StoredBlob[] = [];
    for await (const blob of content.list()) {
      if (signal.aborted) return written;
      batch.push(blob);
      if (batch.length < batchSize) continue;
      written += write(batch);
      batch = [];
      await turn();
    }
    written += write(batch);
    // Makes all of them durable.
    database.pragma('wal_checkpoint(PASSIVE)');
    return written;
  } catch (cause) {
    throw databaseError(cause);
  } finally {
    database?.close();
  }
}

/** Writes those of the blobs that have no row, and returns how many. */
function batchWriter(database: Database.Database, history: BlobHistory, clock: Clock) {
  const find = database.prepare<[Digest]>(`SELECT 1 FROM blob WHERE digest = ?`);
  // Bytes that are to be removed are no longer a blob.
  const insert = database.prepare<[PastBlob & { digest: Digest }]>(`
    INSERT INTO blob (digest, size, created_at, last_used_at, queue_at, verified_at, loose)
    SELECT @digest, @size, @createdAt, @lastUsedAt, @lastUsedAt, @verifiedAt,
      NOT EXISTS (SELECT 1 FROM manifest_blob WHERE blob = @digest)
    WHERE NOT EXISTS (SELECT 1 FROM condemned WHERE digest = @digest)
    ON CONFLICT DO NOTHING`);
  return (blobs: readonly StoredBlob[]): number => {
    const missing = blobs.filter(({ digest }) => find.get(digest) === undefined);
    if (missing.length === 0) return 0;
    const now = clock.now();
    const write = database.transaction(() =>
      missing.reduce((sum, { digest, size }) => {
        // A file of another size is damaged. With the right size in its row, opening it shows that.
        const past = history.of(digest) ?? { size, createdAt: now, lastUsedAt: now, verifiedAt: null };
        const lastUsedAt = Math.min(past.lastUsedAt, now);
        return sum + insert.run({ ...past, lastUsedAt, digest }).changes;
      }, 0),
    );
    return write.immediate();
  };
}
