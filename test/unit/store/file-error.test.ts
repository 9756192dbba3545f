import { expect, it } from 'vitest';
import { errnoOf, fileError, readError } from '../../../src/store/file-error.ts';
import { StoreError } from '../../../src/store/store-error.ts';

it.each([
  ['ENOSPC', 'NO_SPACE'],
  ['EDQUOT', 'NO_SPACE'],
  ['EROFS', 'NOT_WRITABLE'],
  ['EACCES', 'NOT_WRITABLE'],
  ['EPERM', 'NOT_WRITABLE'],
  ['EIO', 'IO'],
  ['EMFILE', 'IO'],
])('calls %s %s', (errno, code) => {
  const cause = Object.assign(new Error('/secret/path'), { code: errno });
  const error = fileError('writing', cause);
  expect(error).toMatchObject({ code, message: `writing failed: ${errno}`, cause });
});

it('does not take a file that may not be read for a place that cannot be written to', () => {
  const cause = Object.assign(new Error('/secret/path'), { code: 'EACCES' });
  expect(readError('opening', cause)).toMatchObject({ code: 'IO', message: 'opening failed: EACCES', cause });
});

it('leaves a StoreError as it is', () => {
  const error = new StoreError('DIGEST_MISMATCH', 'no');
  expect(fileError('committing', error)).toBe(error);
  expect(readError('reading', error)).toBe(error);
});

it('finds no errno in what has none', () => {
  expect(errnoOf(new Error('plain'))).toBeUndefined();
  expect(errnoOf('text')).toBeUndefined();
  expect(fileError('writing', 'text').code).toBe('IO');
});
