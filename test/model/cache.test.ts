import fc from 'fast-check';
import { expect, test } from 'vitest';
import { commands } from './commands.ts';
import { emptyModel } from './model.ts';
import { World } from './world.ts';
import { repeats } from '../support/depth.ts';

/** Sequences of commands. In CI there is time for thousands. */
const runs = repeats(100, 2000);
/** Side by side, since they wait for the disk half of the time. */
const lanes = 2;

test.concurrent.each(Array.from({ length: lanes }, (_, lane) => lane))(
  'whatever is pulled, evicted, pinned and cut off, the cache is what a simple model says (lane %d)',
  async () => {
    const outcome = await fc.check(
      fc.asyncProperty(fc.commands([...commands], { maxCommands: 25, size: 'medium' }), async (sequence) => {
        await using world = await World.open();
        await fc.asyncModelRun(() => ({ model: emptyModel(), real: world }), sequence);
      }),
      { numRuns: runs / lanes, includeErrorInReport: true },
    );
    expect(outcome.failed, fc.defaultReportMessage(outcome)).toBe(false);
  },
);
