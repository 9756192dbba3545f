import { describe, expect, it } from 'vitest';
import { ClockWatch } from '../../../../src/cache/space/clock-watch.ts';
import { logLines } from '../../../support/log-lines.ts';
import { TestClock } from '../../../support/test-clock.ts';

const minute = 60 * 1000;
const hour = 60 * minute;

describe('a clock', () => {
  for (const [way, step] of [
    ['forward', 400 * 24 * hour],
    ['back', -6 * minute],
  ] as const) {
    it(`that is set ${way} is not believed for a day, which is said once`, async () => {
      const clock = new TestClock();
      const { logger, lines } = logLines();
      const watch = new ClockWatch(clock, logger);
      expect(watch.trustworthy()).toBe(true);

      clock.set(step);

      expect(watch.trustworthy()).toBe(false);
      await clock.advance(23 * hour);
      expect(watch.trustworthy()).toBe(false);
      expect(lines).toMatchObject([{ level: 40, seconds: step / 1000 }]);
      await clock.advance(2 * hour);
      expect(watch.trustworthy()).toBe(true);
      expect(lines).toHaveLength(1);
    });
  }

  it('is believed when it is put right by less than five minutes, or runs on for years', async () => {
    const clock = new TestClock();
    const watch = new ClockWatch(clock, logLines().logger);

    clock.set(4 * minute);
    expect(watch.trustworthy()).toBe(true);
    clock.set(-4 * minute);
    expect(watch.trustworthy()).toBe(true);
    await clock.advance(1000 * 24 * hour);
    expect(watch.trustworthy()).toBe(true);
  });
});
