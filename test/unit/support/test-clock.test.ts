import { expect, test } from 'vitest';
import { TestClock } from '../../support/test-clock.ts';

test('sleepers wake in the order of their time, each at its own moment', async () => {
  const clock = new TestClock(0);
  const seen: string[] = [];
  const note = async (name: string, ms: number): Promise<void> => {
    await clock.sleep(ms);
    seen.push(`${name} at ${clock.now()}`);
  };
  const all = [note('late', 30), note('early', 10)];

  await clock.advance(29);
  expect(seen).toEqual(['early at 10']);
  expect(clock.sleeping).toBe(1);
  await clock.advance(1);
  await Promise.all(all);
  expect(seen).toEqual(['early at 10', 'late at 30']);
});

test('a sleep that starts on waking ends within the same advance', async () => {
  const clock = new TestClock(0);
  const end = (async () => {
    await clock.sleep(10);
    await clock.sleep(10);
    return clock.now();
  })();

  await clock.advance(25);
  expect(await end).toBe(20);
  expect(clock.now()).toBe(25);
});

test('a signal ends a sleep with its reason', async () => {
  const clock = new TestClock();
  const controller = new AbortController();
  const sleep = clock.sleep(1000, controller.signal);
  controller.abort(new Error('enough'));

  await expect(sleep).rejects.toThrow('enough');
  await expect(clock.sleep(1, controller.signal)).rejects.toThrow('enough');
  expect(clock.sleeping).toBe(0);
});
