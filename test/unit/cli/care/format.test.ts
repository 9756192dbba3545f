import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { parseDurationOption, parseSizeOption } from '../../../../src/cli/care/option-parsers.ts';
import { timeAgo, pluralize, durationText, shortDigest } from '../../../../src/cli/care/format.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

describe('the value of an option', () => {
  it.each([
    ['12h', 12 * hour],
    ['30d', 30 * day],
    ['2w', 14 * day],
    ['1w2d3h', 9 * day + 3 * hour],
    ['1.5d', 36 * hour],
    ['0s', 0],
  ])('%s is a duration', (text, ms) => {
    expect(parseDurationOption(text)).toBe(ms);
  });

  it.each(['', 'd', '3', '3 d', '-3d', '+3d', '3y', '3d4', 'wd'])('%j is none', (text) => {
    expect(() => parseDurationOption(text)).toThrow(InvalidArgumentError);
  });

  it('is a size', () => {
    expect(parseSizeOption('20GiB')).toBe(20 * 2 ** 30);
    expect(() => parseSizeOption('20 apples')).toThrow(InvalidArgumentError);
  });
});

describe('what people read', () => {
  it.each([
    [0, 'now'],
    [59_999, 'now'],
    [minute, '1m ago'],
    [25 * hour, '1d ago'],
    [29 * day, '29d ago'],
    [61 * day, '2mo ago'],
    [800 * day, '2y ago'],
    [-day, 'now'],
  ])('of a use %d ms before is %s', (ms, text) => {
    expect(timeAgo(1_700_000_000_000 - ms, 1_700_000_000_000)).toBe(text);
  });

  it('of a length of time is in its largest unit', () => {
    expect([
      durationText(5000),
      durationText(90 * minute),
      durationText(30 * day),
      durationText(day),
    ]).toEqual(['5 seconds', '1 hour', '30 days', '1 day']);
  });

  it('of a digest is its beginning', () => {
    const digest = `sha512:${'ab'.repeat(64)}`;

    expect(shortDigest(`ghcr.io/acme/app@${digest}`)).toBe('ghcr.io/acme/app@sha512:abababababab');
    expect(shortDigest('ghcr.io/acme/app:v1')).toBe('ghcr.io/acme/app:v1');
  });

  it('of a number of things agrees with it', () => {
    expect([pluralize(0, 'blob'), pluralize(1, 'blob'), pluralize(2, 'repository', 'repositories')]).toEqual([
      'no blobs',
      '1 blob',
      '2 repositories',
    ]);
  });
});
