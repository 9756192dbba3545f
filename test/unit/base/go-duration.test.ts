import { describe, expect, it } from 'vitest';
import { formatDuration, parseNanoseconds } from '../../../src/base/go-duration.ts';

describe('a duration', () => {
  it.each([
    ['0', 0],
    ['1h30m', 5_400e9],
    ['300ms', 300e6],
    ['1.5s', 1.5e9],
    ['.5s', 0.5e9],
    ['2us', 2_000],
    ['2µs', 2_000],
    ['168h', 604_800e9],
    ['-10s', -10e9],
    ['5000000000', 5e9],
  ])('%s is what Go takes it for', (text, ns) => {
    expect(parseNanoseconds(text)).toBe(ns);
  });

  it.each(['', 's', '1d', '1 h', '1h ', '1.2.3s', '1hh', 'h1', '1e3s', '٣s'])('%j is none', (text) => {
    expect(parseNanoseconds(text)).toBeUndefined();
  });

  it.each([0, 1, 999, 1000, 60_000, 5_400_000, 604_800_000, 3_723_004])(
    '%d ms reads back as written',
    (ms) => {
      expect((parseNanoseconds(formatDuration(ms)) ?? Number.NaN) / 1e6).toBe(ms);
    },
  );
});
