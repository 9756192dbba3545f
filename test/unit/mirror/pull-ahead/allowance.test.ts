import { describe, expect, it } from 'vitest';
import { Allowance } from '../../../../src/mirror/pull-ahead/allowance.ts';
import { AheadTally } from '../../../../src/mirror/pull-ahead/ahead-tally.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { TestClock } from '../../../support/test-clock.ts';

describe('an allowance', () => {
  const limit = { bytes: 1000, ms: 10_000 };

  it('is spent once so much was drawn, and comes back with time', async () => {
    const clock = new TestClock();
    const allowance = new Allowance(clock, limit);
    allowance.draw(999);
    expect(allowance.isSpent).toBe(false);
    allowance.draw(101);
    expect(allowance.isSpent).toBe(true);

    await clock.advance(900);
    expect(allowance.isSpent).toBe(true);
    await clock.advance(200);
    expect(allowance.isSpent).toBe(false);
  });

  it('takes back what was for somebody after all, and never grows beyond its limit', async () => {
    const clock = new TestClock();
    const allowance = new Allowance(clock, limit);
    allowance.draw(1000);
    allowance.giveBack(1000);
    await clock.advance(60_000);
    allowance.giveBack(1000);
    allowance.draw(999);
    expect(allowance.isSpent).toBe(false);
    allowance.draw(1);
    expect(allowance.isSpent).toBe(true);
  });
});

describe('what was fetched ahead', () => {
  const blob = digestOf(Buffer.from('a blob'));

  it('was for nobody until somebody asks for it', () => {
    const tally = new AheadTally();
    tally.begun(blob);
    tally.came(blob, 100);
    expect(tally.counts).toEqual({ bytes: 100, unaskedBytes: 100 });
    tally.asked(blob);
    tally.asked(blob);
    expect(tally.counts).toEqual({ bytes: 100, unaskedBytes: 0 });
  });

  it('was for somebody who asked while it arrived', () => {
    const tally = new AheadTally();
    tally.begun(blob);
    tally.asked(blob);
    tally.came(blob, 100);
    expect(tally.counts).toEqual({ bytes: 100, unaskedBytes: 0 });
  });

  it('is counted in all, where a part of it came before', () => {
    const tally = new AheadTally();
    tally.begun(blob);
    tally.came(blob, 60);
    tally.begun(blob);
    tally.came(blob, 40);
    expect(tally.counts).toEqual({ bytes: 100, unaskedBytes: 100 });
    tally.asked(blob);
    expect(tally.counts.unaskedBytes).toBe(0);
  });

  it('says nothing of what clients fetch for themselves', () => {
    const tally = new AheadTally();
    tally.asked(blob);
    expect(tally.counts).toEqual({ bytes: 0, unaskedBytes: 0 });
  });
});
