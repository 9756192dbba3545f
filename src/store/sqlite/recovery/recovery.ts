import Database from 'better-sqlite3';
import { pause, type Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../telemetry/log.ts';
import type { ContentStore } from '../../content-store.ts';
import { StoreError } from '../../store-error.ts';
import { OpenDatabase } from '../open-database.ts';
import { searchBlobs } from './blob-search.ts';
import type { DatabaseFiles } from './database-files.ts';
import { onDatabaseThread } from '../database-thread.ts';
import type { RebuildReport } from './rebuild.ts';

/** Milliseconds after which a search for blobs that failed begins again. */
const retryMs = 60_000;

export interface RecoveryDeps {
  readonly files: DatabaseFiles;
  readonly content: ContentStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Opens the metadata database, and makes a new one where it is lost. */
export class Recovery {
  readonly #deps: RecoveryDeps;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
  }

  /**
   * Opens the database. One that is damaged, or missing although blobs are there, is rebuilt.
   * @param onTrouble as of {@link OpenDatabase.open}
   * @throws {StoreError} when it is newer, locked, or not writable
   */
  async open(onTrouble: (error: StoreError) => void): Promise<OpenDatabase> {
    const { files, clock } = this.#deps;
    const reason = await this.#whyLost();
    if (reason !== undefined) return this.rebuild(reason, onTrouble);
    try {
      return await OpenDatabase.open(files.database, clock, onTrouble);
    } catch (error) {
      if (!(error instanceof StoreError) || !(await this.#isDamage(error))) throw error;
      return this.rebuild(error.message, onTrouble);
    }
  }

  /**
   * Puts the closed database aside, and opens one made of what can be read of it and of its backup. Blobs
   * have no rows in that: see {@link findBlobs}.
   * @throws {StoreError} when the new one cannot be written; to be called again then
   */
  async rebuild(
    reason: string,
    onTrouble: (error: StoreError) => void,
    signal?: AbortSignal,
  ): Promise<OpenDatabase> {
    const { files, clock, logger } = this.#deps;
    logger.error({ reason }, 'the metadata database is lost: it is rebuilt from what can be read of it');
    const sources = await files.setAside(clock.now());
    const request = { sources, into: files.rebuilt, now: clock.now() };
    const report = await onDatabaseThread({ job: 'rebuild', ...request }, signal);
    await files.install();
    const database = await OpenDatabase.open(files.database, clock, onTrouble);
    this.#tell(report, sources);
    return database;
  }

  /** Inserts the rows of blobs on disk that a rebuild left out, now or before a crash. Never rejects. */
  async findBlobs(signal: AbortSignal): Promise<void> {
    const { files, content, clock, logger } = this.#deps;
    while (!signal.aborted) {
      try {
        if (!(await files.isRebuilding())) return;
        const sources = await files.sources();
        const blobs = await searchBlobs({ file: files.database, sources, content, clock }, signal);
        if (signal.aborted) return;
        await files.forgetRebuild();
        logger.info({ blobs }, 'the blobs on disk are in the rebuilt metadata database');
        return;
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        logger.warn({ reason }, 'looking for blobs on disk failed; it will be tried again');
      }
      await pause(clock, retryMs, signal);
    }
  }

  /** Why there is no database although there ought to be one; undefined when all is well so far. */
  async #whyLost(): Promise<string | undefined> {
    const { files } = this.#deps;
    const size = await files.size();
    if (size !== undefined && size > 0) return undefined;
    if (size === undefined && (await files.isRebuilding())) return 'a rebuild was interrupted';
    if ((await files.sources()).length === 0 && !(await this.#hasBlobs())) return undefined;
    return size === undefined ? 'its file is missing' : 'its file is empty';
  }

  async #hasBlobs(): Promise<boolean> {
    for await (const blob of this.#deps.content.list()) return blob.size >= 0;
    return false;
  }

  /** A schema that makes no sense may be damage or a bug. */
  async #isDamage({ code, cause }: StoreError): Promise<boolean> {
    if (code === 'CORRUPT') return true;
    if (!(cause instanceof Database.SqliteError) || cause.code !== 'SQLITE_ERROR') return false;
    return (await onDatabaseThread({ job: 'check', file: this.#deps.files.database })).length > 0;
  }

  #tell({ guardedKnown, unreadable, ...report }: RebuildReport, sources: readonly string[]): void {
    const found = sources.length > unreadable.length;
    this.#deps.logger.warn(
      { ...report, unreadable },
      found
        ? 'the metadata database is rebuilt from what could be read; what is missing is fetched again when it is asked for'
        : 'the metadata database is new: nothing could be read of the old one; blobs on disk are used again once upstream confirms them',
    );
    if (!guardedKnown) {
      this.#deps.logger.warn(
        'which upstreams were once asked with an account could not be read: what is cached of one that no longer has an account configured counts as public',
      );
    }
  }
}
