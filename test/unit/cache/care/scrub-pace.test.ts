import { describe, expect, it } from 'vitest';
import { scrubRate, scrubWindow } from '../../../../src/cache/care/scrub-pace.ts';

const mebibyte = 1024 * 1024;
const day = 24 * 60 * 60 * 1000;

describe('the pace of scrubbing', () => {
  it('gets through what is due in the time that is left', () => {
    const due = 10 * 24 * 60 * 60 * 10 * mebibyte;
    expect(scrubRate(due, 10 * day)).toBe(10 * mebibyte);
  });

  it('is done early with a small cache, rather than slow', () => {
    expect(scrubRate(1000, 30 * day)).toBe(4 * mebibyte);
    expect(scrubRate(-1, 30 * day)).toBe(4 * mebibyte);
  });

  it('leaves the disk to others, however much is due and however little time is left', () => {
    expect(scrubRate(1e15, day)).toBe(32 * mebibyte);
    expect(scrubRate(1, 0)).toBe(32 * mebibyte);
    expect(scrubRate(1, -day)).toBe(32 * mebibyte);
  });

  it('has windows that every moment lies in exactly one of, before and after a restart', () => {
    const now = Date.UTC(2030, 3, 5, 6, 7);
    const { startsAt, endsAt } = scrubWindow(now, 30 * day);
    expect(startsAt).toBeLessThanOrEqual(now);
    expect(endsAt).toBeGreaterThan(now);
    expect(scrubWindow(endsAt - 1, 30 * day)).toEqual({ startsAt, endsAt });
    expect(scrubWindow(endsAt, 30 * day)).toEqual({ startsAt: endsAt, endsAt: endsAt + 30 * day });
  });
});
