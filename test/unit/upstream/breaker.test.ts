import { describe, expect, it } from 'vitest';
import { Breaker } from '../../../src/upstream/breaker.ts';
import { Connectivity } from '../../../src/upstream/connectivity.ts';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { TestClock } from '../../support/test-clock.ts';

const year = 365 * 24 * 60 * 60 * 1000;

const connectivity = new Connectivity();

describe('a breaker', () => {
  it('whose pause was written down by a clock that was years ahead asks at once', () => {
    const clock = new TestClock();

    const breaker = new Breaker({
      clock,
      connectivity,
      initial: { failures: 3, retryAt: clock.now() + 3 * year },
    });

    expect(breaker.admits).toBe(true);
  });

  it('asks again when the clock is set back during a pause, and pauses anew by the time that is now', async () => {
    const clock = new TestClock();
    const breaker = new Breaker({ clock, connectivity });
    const fail = () =>
      breaker.watch(() => Promise.reject(new UpstreamError('unavailable', 'no'))).catch(() => undefined);
    await fail();
    expect(breaker.admits).toBe(false);

    clock.set(-year);

    expect(breaker.admits).toBe(true);
    await fail();
    expect(breaker.admits).toBe(false);
    await clock.advance(60_000);
    expect(breaker.admits).toBe(true);
  });
});
