import { describe, expect, it } from 'vitest';
import { PullAheadCounter } from '../../../src/cache/pull-ahead-counter.ts';
import { digestOf } from '../../../src/oci/digest.ts';

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
