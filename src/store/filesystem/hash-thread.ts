import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { DigestAlgorithm } from '../../oci/digest.ts';
import type { VerifyOptions } from '../content-store.ts';
import { StoreError } from '../store-error.ts';
import type { HashAnswer, HashOutcome, HashRequest } from './file-hasher.ts';

interface Running {
  readonly onBytes: ((bytes: number) => void) | undefined;
  readonly resolve: (outcome: HashOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/** Starts the thread, with {@link FileHasher} at its other end. */
export function startHashWorker(): Worker {
  // The extension is the one of this file: a build has no TypeScript.
  return new Worker(new URL(`hash-worker${extname(import.meta.url)}`, import.meta.url));
}

/**
 * Hashes files on a thread of its own, which is started when it is first needed. Files take turns in two queues, those
 * that are read at a limited rate and those that are not: a day's scrubbing must not hold up somebody who waits.
 */
export class HashThread {
  readonly #startWorker: () => Worker;
  readonly #running = new Map<number, Running>();
  #lastId = 0;
  #worker: Worker | undefined;
  #closed = false;
  /** The ends of the queues. They never reject. */
  #steady: Promise<unknown> = Promise.resolve();
  #prompt: Promise<unknown> = Promise.resolve();

  constructor(startWorker: () => Worker = startHashWorker) {
    this.#startWorker = startWorker;
  }

  /**
   * Rejects with the signal's reason when that aborts, and with StoreError `IO` when the thread dies, or at
   * {@link close}. The next file then gets a new thread.
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
  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    this.#lose(new StoreError('IO', 'the content store is closed'));
    await worker?.terminate();
  }

  async #hash(path: string, algorithm: DigestAlgorithm, options: VerifyOptions): Promise<HashOutcome> {
    const { signal, bytesPerSecond, onBytes } = options;
    signal?.throwIfAborted();
    if (this.#closed) throw new StoreError('IO', 'the content store is closed');
    const worker = (this.#worker ??= this.#start());
    const id = (this.#lastId += 1);
    const send = (request: HashRequest): void => worker.postMessage(request);
    const { promise, resolve, reject } = Promise.withResolvers<HashOutcome>();
    const cancel = (): void => send({ cancel: id });
    signal?.addEventListener('abort', cancel, { once: true });
    this.#running.set(id, { onBytes, resolve, reject });
    // Nothing else may keep a command alive while it waits for an answer.
    worker.ref();
    send({ id, path, algorithm, bytesPerSecond });
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.#running.delete(id);
      if (this.#running.size === 0) worker.unref();
    }
  }

  #start(): Worker {
    const worker = this.#startWorker();
    worker.on('message', (answer: HashAnswer) => {
      const job = this.#running.get(answer.id);
      if ('bytes' in answer) job?.onBytes?.(answer.bytes);
      else job?.resolve(answer);
    });
    const died = (cause: unknown): void => {
      if (this.#worker !== worker) return;
      this.#lose(new StoreError('IO', 'the thread that hashes blobs ended', { cause }));
    };
    worker.on('error', died);
    worker.on('exit', died);
    return worker;
  }

  #lose(error: StoreError): void {
    this.#worker = undefined;
    for (const { reject } of this.#running.values()) reject(error);
  }
}
