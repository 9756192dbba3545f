import type { TestClock } from './test-clock.ts';

/** What a promise resolves to, with time going by meanwhile. */
export async function inTime<T>(clock: TestClock, promise: Promise<T>): Promise<T> {
  const progress = { isOver: false };
  const over = promise.finally(() => {
    progress.isOver = true;
  });
  over.catch(() => undefined);
  while (!progress.isOver) await clock.advance(1_000);
  return over;
}
