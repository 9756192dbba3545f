import { describe, expect, it } from 'vitest';
import { CronSchedule } from '../../../../../src/base/cron.ts';
import type { WarmPolicy } from '../../../../../src/mirror/warm/schedule/policy.ts';
import { WarmSchedule } from '../../../../../src/mirror/warm/schedule/warm-schedule.ts';
import type { WarmedImage, WarmEvent, WarmOptions } from '../../../../../src/mirror/warm/schemas.ts';
import { parseImageReference } from '../../../../../src/oci/image-reference.ts';
import { Connectivity } from '../../../../../src/upstream/connectivity.ts';
import { logLines } from '../../../../support/log-lines.ts';
import { TempFolder } from '../../../../support/temp-folder.ts';
import { TestClock } from '../../../../support/test-clock.ts';

const hour = 3_600_000;
const day = 24 * hour;
const midnight = Date.UTC(2030, 0, 1);
const node = parseImageReference('node:20') ?? expect.fail('an image');

interface FixtureOptions extends Partial<WarmPolicy> {
  /** When it ran last. */
  readonly last?: number;
  readonly state?: WarmedImage['state'];
}

function fixture({ last, state = 'complete', ...policy }: FixtureOptions = {}) {
  const clock = new TestClock(midnight);
  const log = logLines('info');
  const connectivity = new Connectivity();
  const runs: { readonly at: number; readonly options: WarmOptions }[] = [];
  const result = { state, recorded: last, hold: Promise.resolve() };
  const schedule = new WarmSchedule({
    policy: {
      images: [node],
      files: [],
      platforms: [{ os: 'linux', architecture: 'amd64' }],
      referrers: true,
      pin: false,
      schedule: new CronSchedule('0 3 * * *', 'UTC'),
      jitterMs: 0,
      ...policy,
    },
    warmer: {
      async *warm(options): AsyncGenerator<WarmEvent> {
        runs.push({ at: clock.now(), options });
        await result.hold;
        for (const { reference } of options.images) yield warmed(reference, result.state);
        yield { type: 'report', report: { images: 1, failed: 0, absent: 0, fetchedBytes: 5, heldBytes: 6 } };
      },
    },
    connectivity,
    lastRun: {
      read: () => Promise.resolve(result.recorded),
      write: (at) => {
        result.recorded = at;
        return Promise.resolve();
      },
    },
    clock,
    logger: log.logger,
    random: () => 0.5,
  });
  schedule.start();
  return {
    clock,
    log,
    connectivity,
    runs,
    result,
    schedule,
    [Symbol.asyncDispose]: () => schedule[Symbol.asyncDispose](),
  };
}

function warmed(image: string, state: WarmedImage['state']): WarmEvent {
  const failures = state === 'failed' ? [{ what: image, reason: 'no route' }] : [];
  const sizes = { fetchedBytes: 5, heldBytes: 6 };
  return {
    type: 'image',
    image: { image, state, digest: null, platforms: [], ...sizes, failures, notes: [] },
  };
}

const times = (runs: readonly { readonly at: number }[]): readonly number[] =>
  runs.map(({ at }) => (at - midnight) / hour);

describe('scheduled warming', () => {
  it('runs at its time, day by day, with all that is configured', async () => {
    await using warming = fixture({ last: midnight - hour });
    await warming.clock.advance(hour);
    expect(warming.runs).toEqual([]);
    expect(warming.schedule.nextAt).toBe(midnight + 3 * hour);

    await warming.clock.advance(2 * day);

    expect(times(warming.runs)).toEqual([3, 27]);
    expect(warming.runs[0]?.options).toEqual({
      images: [{ reference: 'docker.io/library/node:20', platforms: 'linux/amd64', optional: null }],
      referrers: true,
      pin: false,
    });
    expect(warming.result.recorded).toBe(midnight + 27 * hour);
  });

  it.each([
    ['never ran', undefined],
    ['missed its last time', midnight - 22 * hour],
    ['ran in the future, by a clock that was ahead', midnight + day],
  ])('runs soon after the start when it %s', async (_, last) => {
    await using warming = fixture({ ...(last !== undefined && { last }) });

    await warming.clock.advance(60_000);

    expect(times(warming.runs)).toEqual([1 / 3600]);
    expect(warming.schedule.nextAt).toBe(midnight + 3 * hour);
  });

  it('runs once at each start without a schedule', async () => {
    await using warming = fixture({ schedule: undefined, last: midnight - 1 });

    await warming.clock.advance(10 * day);

    expect(warming.runs).toHaveLength(1);
    expect(warming.schedule.nextAt).toBeUndefined();
  });

  it('spreads its runs', async () => {
    await using warming = fixture({ last: midnight - hour, jitterMs: hour });

    await warming.clock.advance(day);

    expect(times(warming.runs)).toEqual([3.5]);
  });

  it('has one run at a time: what comes due meanwhile is left out', async () => {
    await using warming = fixture({ last: midnight - hour });
    const long = Promise.withResolvers<void>();
    warming.result.hold = long.promise;
    await warming.clock.advance(2 * day);
    expect(times(warming.runs)).toEqual([3]);
    expect(warming.schedule.nextAt).toBeUndefined();

    long.resolve();
    await warming.clock.advance(day);

    expect(times(warming.runs)).toEqual([3, 51]);
  });

  it('makes up for a run that the machine slept through, and runs no second time', async () => {
    await using warming = fixture({ last: midnight - hour });
    await warming.clock.advance(hour);

    warming.clock.set(8 * hour);
    await warming.clock.advance(60_000);

    expect(warming.runs).toHaveLength(1);
    expect(warming.schedule.nextAt).toBe(midnight + 27 * hour);
  });

  it('goes by the clock when that is set back', async () => {
    await using warming = fixture({ last: midnight - hour });
    await warming.clock.advance(hour);

    warming.clock.set(-5 * day);
    await warming.clock.advance(60_000);

    expect(warming.schedule.nextAt).toBe(midnight - 5 * day + 3 * hour);
  });

  it('is left out offline, with one line in the log, and not taken for done', async () => {
    await using warming = fixture({ last: midnight - hour });
    warming.connectivity.goOffline();

    await warming.clock.advance(4 * hour);

    expect(warming.runs).toEqual([]);
    expect(warming.log.lines.map(({ msg }) => msg)).toEqual([
      'scheduled warming is left out: the mirror is offline',
    ]);
    expect(warming.result.recorded).toBe(midnight - hour);
  });

  it('logs what failed and why; a run that fetched nothing is made up for after a restart', async () => {
    await using warming = fixture({ last: midnight - hour, state: 'failed' });

    await warming.clock.advance(4 * hour);

    expect(warming.log.lines).toContainEqual(
      expect.objectContaining({
        msg: 'an image could not be warmed whole',
        image: 'docker.io/library/node:20',
        failures: [{ what: 'docker.io/library/node:20', reason: 'no route' }],
      }),
    );
    expect(warming.result.recorded).toBe(midnight - hour);
  });

  it('reads its files for each run, and names what is wrong with them', async () => {
    await using folder = await TempFolder.create();
    const file = folder.join('images.txt');
    await using warming = fixture({ last: midnight - hour, files: [file] });
    await warming.clock.advance(3 * hour);
    await warming.schedule[Symbol.asyncDispose]();

    expect(warming.log.lines).toContainEqual(
      expect.objectContaining({ msg: 'a file of images to be warmed cannot be used', file }),
    );
  });

  it('ends with the server, also in the middle of a run', async () => {
    const warming = fixture({ last: midnight - hour });
    const long = Promise.withResolvers<void>();
    warming.result.hold = long.promise;
    await warming.clock.advance(3 * hour);

    const closed = warming.schedule[Symbol.asyncDispose]();
    long.resolve();

    await closed;
    expect(warming.result.recorded).toBe(midnight - hour);
    expect(warming.clock.sleeping).toBe(0);
  });
});
