import { describe, expect, test } from 'vitest';
import { contentRange, parseRange } from '../../../src/http/range.ts';

describe('parseRange', () => {
  test.each([
    ['bytes=0-0', { start: 0, end: 1 }],
    ['bytes=10-19', { start: 10, end: 20 }],
    ['bytes=90-', { start: 90, end: 100 }],
    ['bytes=-5', { start: 95, end: 100 }],
    ['bytes=-500', { start: 0, end: 100 }],
    ['bytes=50-99999999999999999999', { start: 50, end: 100 }],
    ['BYTES= 0-1 ', { start: 0, end: 2 }],
  ])('reads %s of 100 bytes', (header, span) => {
    expect(parseRange(header, 100)).toStrictEqual(span);
  });

  test.each(['bytes=100-', 'bytes=100-200', 'bytes=-0', 'bytes=99999999999999999999-'])(
    'finds nothing that %s of 100 bytes could mean',
    (header) => {
      expect(parseRange(header, 100)).toBe('unsatisfiable');
    },
  );

  test.each([
    undefined,
    '',
    'bogus',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=5-4',
    'bytes=a-b',
    'bytes=1.5-2',
    'items=0-1',
    'bytes=0-1,4-5',
    'bytes=+1-2',
  ])('ignores %s', (header) => {
    expect(parseRange(header, 100)).toBeUndefined();
  });

  test('sends empty content whole, since it has no range', () => {
    expect(parseRange('bytes=0-', 0)).toBeUndefined();
  });

  test('states a range with its last byte, not the one after', () => {
    expect(contentRange({ start: 10, end: 20 }, 100)).toBe('bytes 10-19/100');
  });
});
