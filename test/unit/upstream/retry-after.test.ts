import { describe, expect, it } from 'vitest';
import { parseRetryAfter } from '../../../src/upstream/retry-after.ts';

const now = Date.UTC(2030, 0, 1, 12, 0, 0);

describe('parseRetryAfter', () => {
  it.each([
    ['seconds', '120', 120],
    ['zero', '0', 0],
    ['a fraction, rounded up', '1.2', 2],
    ['an HTTP date', 'Tue, 01 Jan 2030 12:01:30 GMT', 90],
    ['a date gone by', 'Tue, 01 Jan 2030 11:00:00 GMT', 0],
    ['a Unix timestamp', String(now / 1000 + 45), 45],
    ['a Unix timestamp in milliseconds', String(now + 45_000), 45],
    ['a timestamp gone by', String(now / 1000 - 45), 0],
    ["GHCR's Go duration", '880.092µs', 1],
    ["GHCR's Go duration as HTTP headers are decoded", Buffer.from('880.092µs').toString('latin1'), 1],
    ['a longer Go duration', '1m30s', 90],
    ['more than anyone should wait', '999999', 21_600],
    ['a far date', 'Fri, 01 Jan 2100 00:00:00 GMT', 21_600],
  ])('reads %s', (_, text, seconds) => {
    expect(parseRetryAfter(text, now)).toBe(seconds);
  });

  it.each([undefined, '', 'soon', '-5', '1e3', 'NaN', '12 seconds', 'Tue, 99 Jan 2030 12:01:30 GMT', '1d'])(
    'makes nothing of %j',
    (text) => {
      expect(parseRetryAfter(text, now)).toBeUndefined();
    },
  );
});
