import { expect, test } from 'vitest';
import { matchesIfNoneMatch, matchesIfRange } from '../../../src/http/etag.ts';
import { digestOf } from '../../../src/oci/digest.ts';

const digest = digestOf(Buffer.from('here'));
const other = digestOf(Buffer.from('there'));

test.each([
  ['quoted', `"${digest}"`],
  ['bare', digest],
  ['weak', `W/"${digest}"`],
  ['in a list', `"${other}", W/"x" ,"${digest}"`],
  ['a star', '*'],
])('If-None-Match matches %s', (_form, header) => {
  expect(matchesIfNoneMatch(header, digest)).toBe(true);
});

test.each([undefined, '', '"', '""', `"${other}"`, `"${digest}`, 'W/', `prefix-${digest}`])(
  'If-None-Match does not match %s',
  (header) => {
    expect(matchesIfNoneMatch(header, digest)).toBe(false);
  },
);

test('If-Range holds when it is missing or names the content', () => {
  expect(matchesIfRange(undefined, digest)).toBe(true);
  expect(matchesIfRange(`"${digest}"`, digest)).toBe(true);
});

test.each([`"${other}"`, `W/"${digest}"`, 'Wed, 21 Oct 2015 07:28:00 GMT'])(
  'If-Range does not hold for %s',
  (header) => {
    expect(matchesIfRange(header, digest)).toBe(false);
  },
);
