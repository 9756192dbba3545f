import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../../src/base/token-bucket.ts';
import { TestClock } from '../../support/test-clock.ts';

describe('a token bucket', () => {
  const limit = { bytes: 1000, ms: 10_000 };

  it('is spent once so much was drawn, and comes back with time', async () => {
    const clock = new TestClock();
    const bucket = new TokenBucket(clock, limit);
    bucket.draw(999);
    expect(bucket.isSpent).toBe(false);
    bucket.draw(101);
    expect(bucket.isSpent).toBe(true);

    await clock.advance(900);
    expect(bucket.isSpent).toBe(true);
    await clock.advance(200);
    expect(bucket.isSpent).toBe(false);
  });

  it('takes back what was for somebody after all, and never grows beyond its limit', async () => {
    const clock = new TestClock();
    const bucket = new TokenBucket(clock, limit);
    bucket.draw(1000);
    bucket.giveBack(1000);
    await clock.advance(60_000);
    bucket.giveBack(1000);
    bucket.draw(999);
    expect(bucket.isSpent).toBe(false);
    bucket.draw(1);
    expect(bucket.isSpent).toBe(true);
  });

  it('knows how long it is spent', async () => {
    const clock = new TestClock();
    const bucket = new TokenBucket(clock, limit);
    expect(bucket.spentMs).toBe(0);
    bucket.draw(1100);
    expect(bucket.spentMs).toBe(1001);
    await clock.advance(1000);
    expect(bucket.isSpent).toBe(true);
    await clock.advance(1);
    expect(bucket.isSpent).toBe(false);
    expect(bucket.spentMs).toBe(0);
  });
});
