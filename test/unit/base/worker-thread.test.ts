import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { WorkerThread, workerFile } from '../../../src/base/worker-thread.ts';
import { within } from '../../support/deadline.ts';
import type { Count } from './counting-worker.ts';

let workers: Worker[];
let thread: WorkerThread<Count, string>;

beforeEach(() => {
  workers = [];
  thread = new WorkerThread(() => {
    const worker = workerFile('counting-worker', import.meta.url)();
    workers.push(worker);
    return worker;
  });
});

afterEach(() => thread[Symbol.asyncDispose]());

/** A call that does not end on its own; resolves once the thread is at it. */
async function endless(signal?: AbortSignal): Promise<{ readonly outcome: Promise<string> }> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const outcome = thread.call({ to: 1, waits: true }, { signal, onProgress: resolve });
  outcome.catch(() => undefined);
  await within(60_000, 'the start of the call', promise);
  return { outcome };
}

it('is started by the first call, and answers all others too', async () => {
  expect(workers).toHaveLength(0);
  const answers = await Promise.all([1, 2, 3].map((to) => thread.call({ to })));
  expect(answers).toEqual(['counted to 1', 'counted to 2', 'counted to 3']);
  expect(workers).toHaveLength(1);
});

it('tells each caller of the progress of its own call, in order', async () => {
  const told: number[][] = [[], []];
  await Promise.all(
    told.map((list, index) => thread.call({ to: index + 2 }, { onProgress: (number) => list.push(number) })),
  );
  expect(told).toEqual([
    [1, 2],
    [1, 2, 3],
  ]);
});

it('answers a call while another one is under way, which can be cancelled', async () => {
  const cancelling = new AbortController();
  const { outcome } = await endless(cancelling.signal);
  expect(await thread.call({ to: 0 })).toBe('counted to 0');
  cancelling.abort();
  expect(await within(60_000, 'the cancelled call', outcome)).toBe('cancelled');
});

it('rejects the calls under way when it fails, and is started again by the next one', async () => {
  const { outcome } = await endless();
  await expect(thread.call({ to: -1 })).rejects.toMatchObject({ cause: { message: 'below zero' } });
  await expect(outcome).rejects.toThrow('the thread ended');
  expect(await thread.call({ to: 1 })).toBe('counted to 1');
  expect(workers).toHaveLength(2);
});

it('rejects the calls under way when it is closed, and all others from then on', async () => {
  const { outcome } = await endless();
  await thread[Symbol.asyncDispose]();
  await expect(outcome).rejects.toThrow('the thread ended');
  await expect(thread.call({ to: 1 })).rejects.toThrow('the thread is closed');
  expect(workers).toHaveLength(1);
});

it('is closed only once it has started: to end a thread that loads a native addon aborts the process', async () => {
  const started = new Int32Array(new SharedArrayBuffer(4));
  const file = new URL('counting-worker.ts', import.meta.url);
  const starting = new WorkerThread<Count, string>(() => new Worker(file, { workerData: started.buffer }));
  const outcome = starting.call({ to: 1, waits: true }).catch(() => 'ended');
  await starting[Symbol.asyncDispose]();
  expect([...started, await outcome]).toEqual([1, 'ended']);
});
