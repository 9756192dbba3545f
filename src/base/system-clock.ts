import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from './clock.ts';

/** The machine's own time. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => Math.floor(performance.now()),
    sleep: async (ms, signal) => {
      try {
        await delay(ms, undefined, { signal });
      } catch (error) {
        // The timer rejects with an AbortError of its own.
        signal?.throwIfAborted();
        throw error;
      }
    },
  };
}
