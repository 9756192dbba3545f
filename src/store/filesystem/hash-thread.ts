import type { Worker } from 'node:worker_threads';
import { WorkerThread, workerFile } from '../../base/worker-thread.ts';
import type { DigestAlgorithm } from '../../oci/digest.ts';
import type { VerifyOptions } from '../content-store.ts';
import { StoreError } from '../store-error.ts';
import type { HashJob, HashOutcome } from './file-hasher.ts';

export const startHashWorker = workerFile('hash-worker', import.meta.url);

/**
 * Hashes files on another thread, in two queues, rate-limited and not: scrubbing must not delay a waiting
 * caller.
 */
export class HashThread implements AsyncDisposable {
  readonly #thread: WorkerThread<HashJob, HashOutcome>;
  /** The ends of the queues. They never reject. */
  #steady: Promise<unknown> = Promise.resolve();
  #prompt: Promise<unknown> = Promise.resolve();

  constructor(startWorker: () => Worker = startHashWorker) {
    this.#thread = new WorkerThread(startWorker);
  }

  /**
   * Rejects with the signal's reason when that aborts, and with StoreError `IO` when the thread ends. The
   * next file then gets a new one, unless this is disposed of.
   */
  async hash(path: string, algorithm: DigestAlgorithm, options: VerifyOptions = {}): Promise<HashOutcome> {
    const { signal, bytesPerSecond } = options;
    signal?.throwIfAborted();
    const limited = bytesPerSecond !== undefined;
    const turn = (limited ? this.#steady : this.#prompt).then(() => this.#hash(path, algorithm, options));
    const over = turn.catch(() => undefined);
    if (limited) this.#steady = over;
    else this.#prompt = over;

    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([turn, aborted]);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Ends the thread. Files that are being hashed, or wait for it, reject. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]();
  }

  async #hash(path: string, algorithm: DigestAlgorithm, options: VerifyOptions): Promise<HashOutcome> {
    const { signal, bytesPerSecond, onBytes } = options;
    signal?.throwIfAborted();
    try {
      return await this.#thread.call({ path, algorithm, bytesPerSecond }, { signal, onProgress: onBytes });
    } catch (cause) {
      throw new StoreError('IO', 'the thread that hashes blobs ended', { cause });
    }
  }
}
