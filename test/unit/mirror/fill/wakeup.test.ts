import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Wakeup } from '../../../../src/mirror/fill/wakeup.ts';

const KiB = 1024;

/** How often those who wait are woken, each of whom waits again at once. */
function follow(wakeup: Wakeup, readers: number): () => number {
  let woken = 0;
  const wait = (): void => {
    void wakeup.next().then(() => {
      woken += 1;
      wait();
    });
  };
  for (let reader = 0; reader < readers; reader += 1) wait();
  return () => woken / readers;
}

describe('readers that wait for bytes', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('hear of the first ones at once', async () => {
    const wakeup = new Wakeup();
    const woken = follow(wakeup, 30);
    wakeup.gather(1);
    await vi.advanceTimersByTimeAsync(0);
    expect(woken()).toBe(1);
  });

  test('hear of the next ones together, the later the more of them wait', async () => {
    for (const { readers, ms } of [
      { readers: 1, ms: 4 },
      { readers: 10, ms: 40 },
      { readers: 500, ms: 100 },
    ]) {
      const wakeup = new Wakeup();
      const woken = follow(wakeup, readers);
      wakeup.gather(64 * KiB);
      await vi.advanceTimersByTimeAsync(0);
      wakeup.gather(64 * KiB);
      wakeup.gather(64 * KiB);
      await vi.advanceTimersByTimeAsync(ms - 1);
      expect([readers, woken()]).toEqual([readers, 1]);
      await vi.advanceTimersByTimeAsync(1);
      expect([readers, woken()]).toEqual([readers, 2]);
    }
  });

  test('do not wait when much has come', async () => {
    const wakeup = new Wakeup();
    const woken = follow(wakeup, 500);
    wakeup.gather(1);
    await vi.advanceTimersByTimeAsync(0);
    wakeup.gather(512 * KiB);
    await vi.advanceTimersByTimeAsync(0);
    expect(woken()).toBe(2);
  });

  test('find what has come when they are woken, and nothing more before they are again', async () => {
    let here = 0;
    let told = 0;
    const wakeup = new Wakeup(() => {
      told = here;
    });
    const gather = (bytes: number): void => {
      here += bytes;
      wakeup.gather(bytes);
    };
    gather(10);
    expect(told).toBe(10);
    gather(10);
    gather(10);
    expect(told).toBe(10);
    await vi.advanceTimersByTimeAsync(4);
    expect(told).toBe(30);
  });

  test('hear of an end at once, whatever they were to wait for', async () => {
    const wakeup = new Wakeup();
    const woken = follow(wakeup, 500);
    wakeup.gather(1);
    await vi.advanceTimersByTimeAsync(0);
    wakeup.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(woken()).toBe(2);
  });
});
