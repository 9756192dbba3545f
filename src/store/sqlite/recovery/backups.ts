import { pause, type Clock } from '../../../base/clock.ts';
import { fileError } from '../../file-error.ts';
import { StoreError } from '../../store-error.ts';
import type { Logger } from '../../../telemetry/log.ts';
import type { DatabaseFiles } from './database-files.ts';
import { onDatabaseThread } from '../database-thread.ts';

/** Milliseconds after the start at which the first copy is made. */
const firstMs = 60_000;
/** Milliseconds between copies. */
const everyMs = 6 * 60 * 60_000;

interface BackupsDeps {
  readonly files: DatabaseFiles;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told when the database itself is damaged. */
  readonly onDamage: (error: StoreError) => void;
}

/**
 * Keeps a backup of the database. A copy is made on another thread, and replaces the one before once it is
 * checked. Failures are only logged.
 */
export class Backups {
  readonly #deps: BackupsDeps;
  readonly #closing = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(deps: BackupsDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Ends a copy that is being made. */
  async stop(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  /** Makes a copy now, if anything has changed since the last one. Never rejects. */
  async make(): Promise<void> {
    const { files, logger } = this.#deps;
    try {
      const changedAt = await files.changedAt();
      // File systems keep times in different steps; what is missed by that is in the next copy.
      if (changedAt - ((await files.backedUpAt()) ?? 0) < 2) return;
      await files.discardBackup();
      if (!(await files.hasRoomForBackup())) {
        logger.warn('the metadata database is not backed up: the disk has no room for a copy');
        return;
      }
      await this.#copy(changedAt);
    } catch (cause) {
      if (this.#closing.signal.aborted) return;
      const { code, message } = cause instanceof StoreError ? cause : fileError('making the backup', cause);
      logger.warn({ code, reason: message }, 'the metadata database could not be backed up');
    }
  }

  async #run(): Promise<void> {
    let waitMs = firstMs;
    while (await pause(this.#deps.clock, waitMs, this.#closing.signal)) {
      await this.make();
      waitMs = everyMs;
    }
  }

  async #copy(changedAt: number): Promise<void> {
    const { files, onDamage } = this.#deps;
    const { database: file, newBackup: to } = files;
    const { signal } = this.#closing;
    try {
      const problems = await onDatabaseThread({ job: 'backup', file, to }, signal);
      if (problems.length === 0) {
        await files.keepBackup(changedAt);
        return;
      }
      // Is it the copy that is damaged, or what was copied?
      const [problem] = await onDatabaseThread({ job: 'check', file }, signal);
      if (problem !== undefined) onDamage(new StoreError('CORRUPT', `the database is damaged: ${problem}`));
    } finally {
      await files.discardBackup();
    }
  }
}
