import { WorkerThread, workerFile } from '../../base/worker-thread.ts';
import { StoreError, type StoreErrorCode } from '../store-error.ts';
import type { AuditFindings } from './audit-findings.ts';
import type { RebuildReport, RebuildRequest } from './recovery/rebuild.ts';

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

const start = workerFile('database-worker', import.meta.url);

/**
 * Runs a job on a thread and connections of its own. Rejects with StoreError when it fails, and when `signal`
 * aborts: the thread is ended then, since SQLite cannot be interrupted otherwise.
 */
export async function onDatabaseThread<J extends DatabaseJob>(
  job: J,
  signal?: AbortSignal,
): Promise<DatabaseAnswers[J['job']]> {
  await using thread = new WorkerThread<DatabaseJob, DatabaseAnswer>(start);
  const cutOff = (): void => void thread[Symbol.asyncDispose]();
  if (signal?.aborted === true) cutOff();
  signal?.addEventListener('abort', cutOff, { once: true });
  try {
    const answer = await thread.call(job);
    if ('failure' in answer) throw new StoreError(answer.failure.code, answer.failure.message);
    // The worker answers each job in its own way, which no type can follow through a message.
    return answer.done as DatabaseAnswers[J['job']];
  } catch (cause) {
    if (cause instanceof StoreError) throw cause;
    throw new StoreError('IO', 'the thread that works on the database was cut off', { cause });
  } finally {
    signal?.removeEventListener('abort', cutOff);
  }
}
