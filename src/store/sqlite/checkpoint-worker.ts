import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';

/** The other thread of `Checkpointer`. */
const database = new Database(String(workerData), { fileMustExist: true });

parentPort?.on('message', () => {
  // Waits for nobody, and keeps nobody waiting: what readers still need stays in the log.
  database.pragma('wal_checkpoint(PASSIVE)');
  parentPort?.postMessage('done');
});
