import { describe, expect, it } from 'vitest';
import { judge, type Headroom, type SpaceLimits } from '../../../../src/cache/space/limits.ts';

const room = { size: 1000, free: 400, files: 500, freeFiles: 100 };
const none = { total: 0, unwritten: 0 };
const limits: SpaceLimits = { maxsize: { percent: 50 }, minfree: { bytes: 100 } };

function headroom(...judged: Parameters<typeof judge>): Partial<Record<Headroom['limit'], number>> {
  return Object.fromEntries(judge(...judged).map(({ limit, left }) => [limit, left]));
}

describe('what is left until a limit', () => {
  it('counts what is cached and what is still to arrive', () => {
    expect(headroom(200, room, { total: 60, unwritten: 40 }, limits)).toEqual({
      maxsize: 500 - 200 - 60,
      minfree: 400 - 40 - 100,
      files: 100 - 5,
    });
  });

  it('is negative beyond it', () => {
    const full = { size: 1000, free: 99, files: 500, freeFiles: 4 };
    expect(headroom(501, full, none, limits)).toEqual({ maxsize: -1, minfree: -1, files: -1 });
  });

  it('is told in the order in which limits count, with their size on this disk', () => {
    expect(judge(0, room, none, limits).map(({ limit, value }) => [limit, value])).toEqual([
      ['maxsize', 500],
      ['minfree', 100],
      ['files', 5],
    ]);
  });

  it('is not known of a disk that was not measured, but for a size in bytes', () => {
    expect(headroom(0, undefined, none, limits)).toEqual({});
    expect(headroom(0, undefined, none, { ...limits, maxsize: { bytes: 10 } })).toEqual({ maxsize: 10 });
  });

  it('is no matter where there is no limit', () => {
    const btrfs = { size: 1000, free: 400, files: 0, freeFiles: 0 };
    expect(headroom(900, btrfs, none, { maxsize: undefined, minfree: { bytes: 0 } })).toEqual({
      minfree: 400,
      files: 0,
    });
  });
});
