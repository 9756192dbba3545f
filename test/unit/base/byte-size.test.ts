import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteSizeText, formatByteSize, parseByteSize } from '../../../src/base/byte-size.ts';

describe('a size', () => {
  it.each([
    ['1048576', 1_048_576],
    ['0', 0],
    ['12B', 12],
    ['20GiB', 20 * 2 ** 30],
    ['20Gi', 20 * 2 ** 30],
    ['20G', 20 * 2 ** 30],
    ['20GB', 20e9],
    ['500MB', 500e6],
    ['64k', 65_536],
    ['2tib', 2 * 2 ** 40],
    ['1P', 2 ** 50],
    ['1.5 TiB', 1.5 * 2 ** 40],
    ['0.5KB', 500],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });

  it.each([
    '',
    'GiB',
    '-1',
    '1,5GiB',
    '.5G',
    '5.',
    '20 giga',
    '1e9',
    '0x10',
    '20  GiB',
    '9999999PiB',
    '20GiBs',
    '٣',
  ])('%j is none', (text) => {
    expect(parseByteSize(text)).toBeUndefined();
  });

  it.each([
    [0, '0'],
    [1234, '1234'],
    [1000, '1KB'],
    [20 * 2 ** 30, '20GiB'],
    [20e9, '20GB'],
    [500e6, '500MB'],
    [1.5 * 2 ** 40, '1536GiB'],
  ])('of %d bytes is written %s', (bytes, text) => {
    expect(formatByteSize(bytes)).toBe(text);
  });

  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseByteSize(formatByteSize(bytes))).toBe(bytes);
      }),
    );
  });

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [300 * 2 ** 20 + 5, '300 MiB'],
    [2 ** 30 - 1, '1023 MiB'],
    [1.5 * 2 ** 30, '1.5 GiB'],
    [2 * 2 ** 30 - 1, '1.9 GiB'],
    [2.25 * 2 ** 40, '2.2 TiB'],
    [5000 * 2 ** 40, '5000.0 TiB'],
  ])('of %d bytes is shown as %s', (bytes, text) => {
    expect(byteSizeText(bytes)).toBe(text);
  });
});
