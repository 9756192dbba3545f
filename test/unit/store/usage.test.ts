import { expect, it } from 'vitest';
import { digestOf, type Digest } from '../../../src/oci/digest.ts';
import { UsageBatch } from '../../../src/store/sqlite/usage.ts';
import { TestClock } from '../../support/test-clock.ts';

const [a, b] = [digestOf(Buffer.from('a')), digestOf(Buffer.from('b'))];

const locked = new Error('database is locked');

/** Takes what a batch writes, or fails to while it is broken. */
class Recorder {
  readonly written: [Digest, number][][] = [];
  readonly troubles: unknown[] = [];
  broken = false;

  batch(clock: TestClock): UsageBatch {
    return new UsageBatch(
      clock,
      (uses) => {
        if (this.broken) throw locked;
        this.written.push([...uses]);
      },
      (cause) => this.troubles.push(cause),
    );
  }
}

it('writes what was used once in half a minute, each with its last use', async () => {
  const clock = new TestClock(1000);
  const recorder = new Recorder();
  const batch = recorder.batch(clock);
  batch.note([a, b]);
  await clock.advance(10_000);
  batch.note([a]);
  await clock.advance(19_999);
  expect(recorder.written).toEqual([]);
  await clock.advance(1);
  expect(recorder.written).toEqual([
    [
      [a, 11_000],
      [b, 1000],
    ],
  ]);
});

it('keeps no timer while there is nothing to write', async () => {
  const clock = new TestClock();
  const recorder = new Recorder();
  const batch = recorder.batch(clock);
  batch.note([]);
  expect(clock.sleeping).toBe(0);
  batch.note([a]);
  batch.note([b]);
  expect(clock.sleeping).toBe(1);
  await clock.advance(30_000);
  expect(clock.sleeping).toBe(0);
  batch.flush();
  expect(recorder.written).toHaveLength(1);
});

it('keeps uses that could not be written for the next time, and says why', async () => {
  const clock = new TestClock(0);
  const recorder = new Recorder();
  const batch = recorder.batch(clock);
  recorder.broken = true;
  batch.note([a]);
  await clock.advance(30_000);
  expect(recorder.troubles).toEqual([locked]);
  recorder.broken = false;
  batch.note([b]);
  await clock.advance(30_000);
  expect(recorder.written).toEqual([
    [
      [a, 0],
      [b, 30_000],
    ],
  ]);
});

it('stops its timer when closed, and can then still be flushed', async () => {
  const clock = new TestClock(0);
  const recorder = new Recorder();
  const batch = recorder.batch(clock);
  batch.note([a]);
  batch.close();
  expect(clock.sleeping).toBe(0);
  batch.note([b]);
  await clock.advance(60_000);
  expect(recorder.written).toEqual([]);
  batch.flush();
  expect(recorder.written).toEqual([[[a, 0]]]);
  expect(recorder.troubles).toEqual([]);
});
