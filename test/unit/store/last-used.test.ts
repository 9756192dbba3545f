import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { digestOf, type Digest } from '../../../src/oci/digest.ts';
import { Positions } from '../../../src/store/sqlite/positions.ts';
import { migrate } from '../../../src/store/sqlite/schema.ts';
import { LastUsedBatch, type LastUse } from '../../../src/store/sqlite/last-used.ts';
import { eventually } from '../../support/deadline.ts';
import { TestClock } from '../../support/test-clock.ts';

const [a, b, c] = [digestOf(Buffer.from('a')), digestOf(Buffer.from('b')), digestOf(Buffer.from('c'))];

const locked = new Error('database is locked');

/** Takes what a batch writes, at most so many at a time, or fails to while it is broken. */
class Recorder {
  readonly written: [Digest, number][][] = [];
  readonly troubles: unknown[] = [];
  broken = false;
  atMost = Infinity;
  whileWriting: () => void = () => undefined;

  batch(clock: TestClock): LastUsedBatch {
    const database = new Database(':memory:');
    migrate(database);
    const write = (uses: ReadonlyMap<Digest, LastUse>) => {
      if (this.broken) throw locked;
      const taken = [...uses].slice(0, this.atMost);
      this.written.push(taken.map(([digest, { at }]) => [digest, at]));
      this.whileWriting();
      return taken.length;
    };
    return new LastUsedBatch(clock, new Positions(database, clock), write, (cause) =>
      this.troubles.push(cause),
    );
  }
}

it('writes what was used once in half a minute, each with its last use, in the order of these', async () => {
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
      [b, 1000],
      [a, 11_000],
    ],
  ]);
});

it('tells of a use for as long as it is not written', async () => {
  const clock = new TestClock(1000);
  const batch = new Recorder().batch(clock);
  batch.note([a, b]);
  expect(batch.get(a)).toMatchObject({ at: 1000 });
  expect(batch.useNow(a)).toMatchObject({ at: 1000 });
  expect(batch.get(a)).toBeUndefined();
  expect(batch.get(b)).toMatchObject({ at: 1000 });
  await clock.advance(30_000);
  expect(batch.get(b)).toBeUndefined();
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

it('writes many uses in slices, and lets what is used meanwhile wait for the next time', async () => {
  const clock = new TestClock(0);
  const recorder = new Recorder();
  const batch = recorder.batch(clock);
  recorder.atMost = 1;
  batch.note([a, b, c]);
  recorder.whileWriting = () => {
    batch.note([b]);
  };
  await clock.advance(30_000);
  await eventually(60_000, 'the next wait', () => clock.sleeping === 1);
  expect(recorder.written).toEqual([[[a, 0]], [[c, 0]]]);
  recorder.whileWriting = () => undefined;
  await clock.advance(30_000);
  await eventually(60_000, 'the end', () => batch.get(b) === undefined);
  expect(recorder.written.slice(2)).toEqual([[[b, 30_000]]]);
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

it('stops its timer when closed, and writes what is left', async () => {
  const clock = new TestClock(0);
  const recorder = new Recorder();
  const batch = recorder.batch(clock);
  recorder.atMost = 1;
  batch.note([a, c]);
  batch.close();
  expect(clock.sleeping).toBe(0);
  batch.note([b]);
  await clock.advance(60_000);
  expect(recorder.written).toEqual([[[a, 0]], [[c, 0]]]);
  expect(recorder.troubles).toEqual([]);
});

it('can be closed where nothing can be written, and says why', () => {
  const recorder = new Recorder();
  const batch = recorder.batch(new TestClock());
  recorder.broken = true;
  batch.note([a]);
  batch.close();
  expect(recorder.troubles).toEqual([locked]);
});
