import { extname } from 'node:path';
import { parentPort, Worker } from 'node:worker_threads';

interface CallOptions {
  /** Tells the thread to give the call up; it may still answer. */
  readonly signal?: AbortSignal | undefined;
  /** Told how far the call got since it was last told, in a unit of its own. */
  readonly onProgress?: ((amount: number) => void) | undefined;
}

type Request<Input> = { readonly id: number; readonly input: Input } | { readonly cancel: number };

type Reply<Output> =
  'ready' | ({ readonly id: number } & ({ readonly progress: number } | { readonly output: Output }));

interface Call<Output> {
  readonly resolve: (output: Output) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: CallOptions['onProgress'];
}

/** Starts threads that run the file `name`, without its extension, beside a module: a build has no TypeScript. */
export function workerFile(name: string, module: string): () => Worker {
  return () => new Worker(new URL(`${name}${extname(module)}`, module));
}

/**
 * A thread that answers calls, with {@link serveCalls} at its other end. It is started by the first call, and again by the
 * next one if it has ended. It keeps the process alive only while calls are under way.
 */
export class WorkerThread<Input, Output> implements AsyncDisposable {
  readonly #start: () => Worker;
  readonly #calls = new Map<number, Call<Output>>();
  #lastId = 0;
  #worker: Worker | undefined;
  /** The end of the thread's start, be it that it failed. */
  #ready: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(start: () => Worker) {
    this.#start = start;
  }

  /** Rejects when the thread ends before it has answered, with the reason as `cause`, and once closed. */
  async call(input: Input, { signal, onProgress }: CallOptions = {}): Promise<Output> {
    if (this.#closed) throw new Error('the thread is closed');
    const worker = (this.#worker ??= this.#started());
    const id = (this.#lastId += 1);
    const send = (request: Request<Input>): void => worker.postMessage(request);
    const { promise, resolve, reject } = Promise.withResolvers<Output>();
    const cancel = (): void => send({ cancel: id });
    signal?.addEventListener('abort', cancel, { once: true });
    this.#calls.set(id, { resolve, reject, onProgress });
    worker.ref();
    send({ id, input });
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.#calls.delete(id);
      if (this.#calls.size === 0) worker.unref();
    }
  }

  /** Ends the thread, in the middle of its calls if need be: these reject. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    // A native addon that loads while its thread is being ended aborts the process.
    await this.#ready;
    await this.#worker?.terminate();
  }

  #started(): Worker {
    const worker = this.#start();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ready = promise;
    worker.on('message', (reply: Reply<Output>) => {
      if (reply === 'ready') return resolve();
      const call = this.#calls.get(reply.id);
      if ('progress' in reply) call?.onProgress?.(reply.progress);
      else call?.resolve(reply.output);
    });
    const end = (cause?: unknown): void => {
      resolve();
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      const error = new Error('the thread ended', { cause });
      for (const { reject } of this.#calls.values()) reject(error);
      this.#calls.clear();
    };
    worker.once('error', end);
    worker.once('exit', () => end());
    return worker;
  }
}

/** A call at the thread's end. */
export interface ServedCall {
  readonly signal: AbortSignal;
  readonly onProgress: (amount: number) => void;
}

/**
 * Answers the calls of a {@link WorkerThread}, with the types of that one, which no message can carry. To be called when
 * all native addons are loaded. An error that `answer` does not catch ends the thread.
 */
export function serveCalls(answer: (input: never, call: ServedCall) => unknown): void {
  const running = new Map<number, AbortController>();
  const run = async (id: number, input: never): Promise<void> => {
    const cancelling = new AbortController();
    running.set(id, cancelling);
    const { signal } = cancelling;
    const onProgress = (progress: number): void => parentPort?.postMessage({ id, progress });
    const output = await answer(input, { signal, onProgress });
    running.delete(id);
    parentPort?.postMessage({ id, output });
  };
  parentPort?.on('message', (request: Request<never>) => {
    if ('cancel' in request) running.get(request.cancel)?.abort();
    else void run(request.id, request.input);
  });
  parentPort?.postMessage('ready');
}
