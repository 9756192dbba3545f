import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { StoreError, type StoreErrorCode } from '../../store-error.ts';
import type { AuditFindings } from '../audit-findings.ts';
import type { RebuildReport, RebuildRequest } from './rebuild.ts';

/** Work on a whole database, which takes seconds when it is large. */
export type DatabaseJob =
  | { readonly job: 'check'; readonly file: string }
  | { readonly job: 'audit'; readonly file: string }
  | { readonly job: 'backup'; readonly file: string; readonly to: string }
  | ({ readonly job: 'rebuild' } & RebuildRequest);

export interface DatabaseAnswers {
  /** What is wrong with it, a sentence each. */
  readonly check: readonly string[];
  readonly audit: AuditFindings;
  /** What is wrong with the copy that was made. */
  readonly backup: readonly string[];
  readonly rebuild: RebuildReport;
}

export type DatabaseAnswer =
  | { readonly done: DatabaseAnswers[keyof DatabaseAnswers] }
  | { readonly failure: { readonly code: StoreErrorCode; readonly message: string } };

/**
 * Does such work on a thread of its own, and on connections of its own. Rejects with StoreError when it fails, and when
 * `signal` cuts it off.
 */
export function onDatabaseThread<J extends DatabaseJob>(
  job: J,
  signal?: AbortSignal,
): Promise<DatabaseAnswers[J['job']]> {
  return new Promise((resolve, reject) => {
    // The extension is the one of this file: a build has no TypeScript.
    const path = new URL(`database-worker${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(path, { workerData: job });
    const cutOff = (): void => void worker.terminate();
    if (signal?.aborted === true) cutOff();
    signal?.addEventListener('abort', cutOff, { once: true });
    worker.once('message', (answer: DatabaseAnswer) => {
      // The worker answers each job in its own way, which no type can follow through a message.
      if ('done' in answer) resolve(answer.done as DatabaseAnswers[J['job']]);
      else reject(new StoreError(answer.failure.code, answer.failure.message));
    });
    worker.once('error', (cause) => {
      reject(new StoreError('IO', 'the thread that works on the database failed', { cause }));
    });
    worker.once('exit', () => {
      signal?.removeEventListener('abort', cutOff);
      reject(new StoreError('IO', 'the thread that works on the database was cut off'));
    });
  });
}
