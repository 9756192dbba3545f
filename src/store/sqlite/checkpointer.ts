import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type Database from 'better-sqlite3';

/** Pages in the write-ahead log, not in the database yet, that are worth a checkpoint. */
const worthwhile = 500;

/** The state of the write-ahead log, in pages; -1 for a database that has none. */
interface LogState {
  readonly log: number;
  readonly checkpointed: number;
}

/** Starts the thread with a connection of its own, which makes a checkpoint for each message, and answers it. */
export function startCheckpointWorker(file: string): Worker {
  // The extension is the one of this file: a build has no TypeScript.
  const path = new URL(`checkpoint-worker${extname(import.meta.url)}`, import.meta.url);
  return new Worker(path, { workerData: file });
}

/**
 * Brings what is in the write-ahead log into the database on another thread, which is started when it is first needed:
 * writing a thousand pages here and there, and waiting until they are on the disk, would hold up the event loop.
 * SQLite lets it go on while others write.
 */
export class Checkpointer {
  readonly #database: Database.Database;
  readonly #startWorker: (file: string) => Worker;
  #worker: Worker | undefined;
  #isBusy = false;
  #isClosed = false;

  constructor(database: Database.Database, startWorker: (file: string) => Worker = startCheckpointWorker) {
    this.#database = database;
    this.#startWorker = startWorker;
  }

  /** To be called after a transaction. */
  afterWrite(): void {
    if (this.#isBusy || this.#isClosed) return;
    const [state] = this.#database.pragma('wal_checkpoint(NOOP)') as readonly LogState[];
    if (state === undefined || state.log - state.checkpointed < worthwhile) return;
    this.#isBusy = true;
    const worker = (this.#worker ??= this.#start());
    worker.postMessage('checkpoint');
  }

  /** Ends the thread, which holds the database open. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = this.#startWorker(this.#database.name);
    worker.unref();
    worker.on('message', () => {
      this.#isBusy = false;
    });
    // Nothing is lost: the log keeps everything, and once it is long SQLite makes a checkpoint by itself.
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      this.#worker = undefined;
      this.#isBusy = false;
    });
    return worker;
  }
}
