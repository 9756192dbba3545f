import type { Worker } from 'node:worker_threads';
import type Database from 'better-sqlite3';
import { WorkerThread, workerFile } from '../../base/worker-thread.ts';

/** Pages in the write-ahead log, not yet in the database, that are worth a checkpoint. */
const worthwhile = 500;

/** The state of the write-ahead log, in pages; -1 for a database that has none. */
interface LogState {
  readonly log: number;
  readonly checkpointed: number;
}

export const startCheckpointWorker = workerFile('checkpoint-worker', import.meta.url);

/**
 * Checkpoints the write-ahead log on another thread: writing a thousand scattered pages and waiting for the
 * disk would block the event loop.
 */
export class Checkpointer implements AsyncDisposable {
  readonly #database: Database.Database;
  /** Is told the path of the database. */
  readonly #thread: WorkerThread<string, void>;
  #isBusy = false;

  constructor(database: Database.Database, startWorker: () => Worker = startCheckpointWorker) {
    this.#database = database;
    this.#thread = new WorkerThread(startWorker);
  }

  /** To be called after a transaction. */
  afterWrite(): void {
    if (this.#isBusy) return;
    const [state] = this.#database.pragma('wal_checkpoint(NOOP)') as readonly LogState[];
    if (state === undefined || state.log - state.checkpointed < worthwhile) return;
    this.#isBusy = true;
    void this.#checkpoint();
  }

  /** Ends the thread, which holds the database open. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]();
  }

  async #checkpoint(): Promise<void> {
    // A failure loses nothing: SQLite itself makes a checkpoint once the log is long.
    await this.#thread.call(this.#database.name).catch(() => undefined);
    this.#isBusy = false;
  }
}
