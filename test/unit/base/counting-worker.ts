import { setTimeout as delay } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { serveCalls } from '../../../src/base/worker-thread.ts';

export interface Count {
  readonly to: number;
  /** Whether to go on forever once it has counted that far, until it is cancelled. */
  readonly waits?: boolean;
}

// Notes that it has started.
if (workerData instanceof SharedArrayBuffer) new Int32Array(workerData)[0] = 1;

// Counts, telling of each number; throws for a negative one.
serveCalls(async ({ to, waits = false }: Count, { signal, onProgress }): Promise<string> => {
  if (to < 0) throw new Error('below zero');
  for (let number = 1; number <= to; number += 1) onProgress(number);
  if (waits) await delay(2 ** 30, undefined, { signal }).catch(() => undefined);
  return signal.aborted ? 'cancelled' : `counted to ${to}`;
});
