import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../../../src/mirror/pull-ahead/token-bucket.ts';
import { PullAheadCounter } from '../../../../src/cache/pull-ahead-counter.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { TestClock } from '../../../support/test-clock.ts';

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
});

describe('what was fetched ahead', () => {
  const blob = digestOf(Buffer.from('a blob'));

  it('was for nobody until somebody asks for it', () => {
    const counter = new PullAheadCounter();
    counter.begun(blob);
    counter.came(blob, 100);
    expect(counter.counts).toEqual({ bytes: 100, unaskedBytes: 100 });
    counter.asked(blob);
    counter.asked(blob);
    expect(counter.counts).toEqual({ bytes: 100, unaskedBytes: 0 });
  });

  it('was for somebody who asked while it arrived', () => {
    const counter = new PullAheadCounter();
    counter.begun(blob);
    counter.asked(blob);
    counter.came(blob, 100);
    expect(counter.counts).toEqual({ bytes: 100, unaskedBytes: 0 });
  });

  it('is counted in all, where a part of it came before', () => {
    const counter = new PullAheadCounter();
    counter.begun(blob);
    counter.came(blob, 60);
    counter.begun(blob);
    counter.came(blob, 40);
    expect(counter.counts).toEqual({ bytes: 100, unaskedBytes: 100 });
    counter.asked(blob);
    expect(counter.counts.unaskedBytes).toBe(0);
  });

  it('says nothing of what clients fetch for themselves', () => {
    const counter = new PullAheadCounter();
    counter.asked(blob);
    expect(counter.counts).toEqual({ bytes: 0, unaskedBytes: 0 });
  });
});
