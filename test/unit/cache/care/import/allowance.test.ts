import { describe, expect, it } from 'vitest';
import { Allowance, type AllowanceDeps } from '../../../../../src/cache/care/import/allowance.ts';

const mib = 2 ** 20;

/** On a disk of 100 MiB, of which half is free, with 10 MiB of blobs and 1 MiB of database. */
function allowance(options: Partial<AllowanceDeps>, freeFiles = 500): Allowance {
  return new Allowance({
    content: {
      room: async () => Promise.resolve({ size: 100 * mib, free: 50 * mib, files: 1000, freeFiles }),
    },
    evictions: {
      usage: async () => Promise.resolve({ blobs: 1, bytes: 10 * mib, manifests: 1, databaseBytes: mib }),
      usageOf: async () => Promise.resolve(0),
    },
    maxsize: undefined,
    minfree: { bytes: 0 },
    quotas: [],
    ...options,
  });
}

describe('there is room for a blob', () => {
  it.each([
    ['where there is no limit', {}, 50 * mib, false],
    ['that leaves a margin below storage.maxsize', { maxsize: { bytes: 20 * mib } }, 8 * mib, false],
    ['that leaves storage.minfree', { minfree: { percent: 10 } }, 40 * mib, false],
    ['that is linked, and takes none of what is free', { minfree: { percent: 50 } }, 40 * mib, true],
  ])('%s', async (_, options, size, isLinked) => {
    expect(await allowance(options).refusal(size, isLinked)).toBeUndefined();
  });
});

describe('there is no room for a blob', () => {
  it.each([
    ['beyond storage.maxsize, the database counted', { maxsize: { bytes: 20 * mib } }, 9.5 * mib, false],
    ['beyond a share of the disk', { maxsize: { percent: 20 } }, 9 * mib, false],
    ['beyond storage.maxsize, though it is linked', { maxsize: { bytes: 20 * mib } }, 10 * mib, true],
    ['into which storage.minfree would shrink', { minfree: { percent: 10 } }, 40 * mib + 1, false],
    ['while less is free than storage.minfree', { minfree: { percent: 51 } }, 1, true],
  ])('%s', async (_, options, size, isLinked) => {
    expect(await allowance(options).refusal(size, isLinked)).toMatch(/^storage\.(?:maxsize|minfree) is /);
  });

  it('on a disk that holds nearly as many files as it can', async () => {
    expect(await allowance({}, 9).refusal(1, false)).toBe('the disk holds too many files');
    expect(await allowance({}, 10).refusal(1, false)).toBeUndefined();
  });
});
