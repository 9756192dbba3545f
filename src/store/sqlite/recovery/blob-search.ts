import { setImmediate as turn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import type { Clock } from '../../../base/clock.ts';
import type { Digest } from '../../../oci/digest.ts';
import type { ContentStore } from '../../content-store.ts';
import { databaseError } from '../error.ts';
import { BlobHistory, type PastBlob } from './blob-history.ts';

/** Rows that are written at a time. */
const batchSize = 25;

interface FoundBlob {
  readonly digest: Digest;
  /** Bytes of its file. */
  readonly size: number;
}

export interface BlobSearchOptions {
  /** Path of the database that lacks rows. */
  readonly file: string;
  /** Paths of databases that may know more. */
  readonly sources: readonly string[];
  readonly content: ContentStore;
  readonly clock: Clock;
}

/** Inserts the rows of blobs on disk that a rebuilt database lacks, a few at a time. */
export class BlobSearch {
  readonly #options: BlobSearchOptions;

  constructor(options: BlobSearchOptions) {
    this.#options = options;
  }

  /**
   * Resolves to how many rows were written; stops early when `signal` aborts.
   * @throws {StoreError} on trouble; to be run again then
   */
  async run(signal: AbortSignal): Promise<number> {
    const { file, sources, content, clock } = this.#options;
    const history = new BlobHistory(sources);
    let rows: FoundBlobRows | undefined;
    try {
      // A connection of its own, which need not flush each batch: what is lost is found again.
      rows = new FoundBlobRows(file, history, clock);
      let written = 0;
      let batch: FoundBlob[] = [];
      for await (const blob of content.list()) {
        if (signal.aborted) return written;
        batch.push(blob);
        if (batch.length < batchSize) continue;
        written += rows.write(batch);
        batch = [];
        await turn();
      }
      written += rows.write(batch);
      rows.flush();
      return written;
    } catch (cause) {
      throw databaseError(cause);
    } finally {
      rows?.close();
      history.close();
    }
  }
}

class FoundBlobRows {
  readonly #database: Database.Database;
  readonly #history: BlobHistory;
  readonly #clock: Clock;
  readonly #has;
  readonly #insert;

  constructor(file: string, history: BlobHistory, clock: Clock) {
    this.#history = history;
    this.#clock = clock;
    this.#database = new Database(file, { fileMustExist: true, timeout: 500 });
    this.#database.pragma('synchronous = NORMAL');
    this.#has = this.#database.prepare<[Digest], { found: number }>(
      `SELECT 1 AS found FROM blob WHERE digest = ?`,
    );
    // Bytes that are to be removed are no longer a blob.
    this.#insert = this.#database.prepare<[PastBlob & { digest: Digest }]>(`
      INSERT INTO blob (digest, size, created_at, last_used_at, queue_at, verified_at, loose)
      SELECT @digest, @size, @createdAt, @lastUsedAt, @lastUsedAt, @verifiedAt,
        NOT EXISTS (SELECT 1 FROM manifest_blob WHERE blob = @digest)
      WHERE NOT EXISTS (SELECT 1 FROM condemned WHERE digest = @digest)
      ON CONFLICT DO NOTHING`);
  }

  /** Says how many were new. */
  write(blobs: readonly FoundBlob[]): number {
    const missing = blobs.filter(({ digest }) => this.#has.get(digest) === undefined);
    if (missing.length === 0) return 0;
    const now = this.#clock.now();
    const insert = this.#database.transaction(() =>
      missing.reduce((sum, { digest, size }) => {
        // A file of another size is damaged. With the right size in its row, opening it shows that.
        const past = this.#history.of(digest) ?? { size, createdAt: now, lastUsedAt: now, verifiedAt: null };
        const lastUsedAt = Math.min(past.lastUsedAt, now);
        return sum + this.#insert.run({ ...past, lastUsedAt, digest }).changes;
      }, 0),
    );
    return insert.immediate();
  }

  /** Makes all that was written durable. */
  flush(): void {
    this.#database.pragma('wal_checkpoint(PASSIVE)');
  }

  close(): void {
    this.#database.close();
  }
}
