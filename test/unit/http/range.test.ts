import { describe, expect, test } from 'vitest';
import { contentRange, parseRanges } from '../../../src/http/range.ts';

const sequence = (count: number, range: (index: number) => string): string =>
  `bytes=${Array.from({ length: count }, (_, index) => range(index)).join(',')}`;

describe('parseRanges', () => {
  test.each([
    ['bytes=0-0', { start: 0, end: 1 }],
    ['bytes=10-19', { start: 10, end: 20 }],
    ['bytes=90-', { start: 90, end: 100 }],
    ['bytes=-5', { start: 95, end: 100 }],
    ['bytes=-500', { start: 0, end: 100 }],
    ['bytes=50-99999999999999999999', { start: 50, end: 100 }],
    ['BYTES= 0-1 ', { start: 0, end: 2 }],
  ])('reads %s of 100 bytes', (header, span) => {
    expect(parseRanges(header, 100)).toStrictEqual([span]);
  });

  test.each([
    ['bytes=0-1,4-5', ['0-1', '4-5']],
    // RFC 9110, section 14.1.2: its examples.
    ['bytes= 0-9, 40-49, -10', ['0-9', '40-49', '90-99']],
    ['bytes=50-60,61-70', ['50-60', '61-70']],
    ['bytes=50-70,60-69', ['50-70']],
    ['bytes=4-5\t, \t0-1', ['4-5', '0-1']],
    ['bytes=,0-1,,4-5, ,', ['0-1', '4-5']],
    ['bytes=,0-1', ['0-1']],
    ['bytes=0-1,200-300,-0', ['0-1']],
    ['bytes=90-,-5', ['90-99']],
    ['bytes=10-19,10-19', ['10-19']],
    ['bytes=30-39,0-5,35-50,3-8,60-60', ['30-50', '0-8', '60-60']],
    ['bytes=10-20,30-40,15-35', ['10-40']],
    ['bytes=-1,0-0', ['99-99', '0-0']],
  ])(
    'reads %s of 100 bytes as separate stretches, in the order in which they are asked for',
    (header, spans) => {
      const found = parseRanges(header, 100);
      if (found === undefined || found === 'unsatisfiable') throw new Error(`nothing found: ${found}`);
      expect(found.map(({ start, end }) => `${start}-${end - 1}`)).toEqual(spans);
    },
  );

  test.each([
    'bytes=100-',
    'bytes=100-200',
    'bytes=-0',
    'bytes=99999999999999999999-',
    'bytes=100-,200-300',
    'bytes=-0,,100-',
  ])('finds nothing that %s of 100 bytes could mean', (header) => {
    expect(parseRanges(header, 100)).toBe('unsatisfiable');
  });

  test.each([
    undefined,
    '',
    'bogus',
    'bytes',
    'bytes=',
    'bytes=,',
    'bytes= , ,',
    'bytes=-',
    'bytes=5-4',
    'bytes=a-b',
    'bytes=1.5-2',
    'items=0-1',
    'items=0-1,4-5',
    'bytes=+1-2',
    'bytes=0-1,x',
    'bytes=0-1,5-4',
    'bytes=0-1,-',
    'bytes=0-1;4-5',
    'bytes=0-1 4-5',
    'bytes=0-1,bytes=4-5',
  ])('ignores %s', (header) => {
    expect(parseRanges(header, 100)).toBeUndefined();
  });

  test('takes twice as many ranges as podman asks for, and ignores more', () => {
    const ranges = (count: number): string => sequence(count, (index) => `${index * 2}-${index * 2}`);
    expect(parseRanges(ranges(2048), 1_000_000)).toHaveLength(2048);
    expect(parseRanges(ranges(2049), 1_000_000)).toBeUndefined();
    expect(
      parseRanges(
        sequence(2049, () => '0-0'),
        1_000_000,
      ),
    ).toBeUndefined();
    expect(
      parseRanges(
        sequence(2049, () => ''),
        1_000_000,
      ),
    ).toBeUndefined();
  });

  // RFC 9110, section 14.2: many small ranges that are not in ascending order are a sign of a broken client
  // or an attack.
  test('takes a few ranges in any order, and ignores many of them', () => {
    const descending = (count: number): string =>
      sequence(count, (index) => `${1000 - index * 2}-${1000 - index * 2}`);
    expect(parseRanges(descending(9), 2000)).toHaveLength(9);
    expect(parseRanges(descending(10), 2000)).toBeUndefined();
  });

  test('finds one range in a thousand that overlap', () => {
    expect(
      parseRanges(
        sequence(1000, (index) => `${index}-${index + 1}`),
        5000,
      ),
    ).toEqual([{ start: 0, end: 1001 }]);
    expect(
      parseRanges(
        sequence(1000, () => '0-'),
        5000,
      ),
    ).toEqual([{ start: 0, end: 5000 }]);
  });

  test('sends empty content whole, since it has no range', () => {
    expect(parseRanges('bytes=0-', 0)).toBeUndefined();
    expect(parseRanges('bytes=0-,1-', 0)).toBeUndefined();
  });

  test('states a range with its last byte, not the one after', () => {
    expect(contentRange({ start: 10, end: 20 }, 100)).toBe('bytes 10-19/100');
  });
});
