import { leastRate, parseByteRate } from '../base/byte-rate.ts';
import { byteSizeText, formatByteSize, parseByteSize } from '../base/byte-size.ts';
import type { SizeLimit } from '../cache/space/limits.ts';
import { refuse, scalar, shown, type RefinementContext } from './scalars.ts';

/** Bytes. The smallest image is larger; a bare number below is a unit forgotten. */
const least = 2 ** 20;

/** A number of bytes that images could fit into. */
export const byteSize = scalar((value, ctx): number => {
  if (value.includes('%')) return refuse(ctx, `${shown(value)} is a share; write a size, such as 20GiB`);
  return bytesOf(value, ctx, 'a size, such as 20GiB');
}, formatByteSize);

/** Bytes a second: a size, perhaps with `/s` behind it. */
export const byteRate = scalar((value, ctx): number => {
  const bytes = parseByteRate(value);
  if (bytes === undefined) {
    const expected = 'bytes a second, such as 10MiB; a line of 100 Mbit/s has 12.5MB';
    return refuse(ctx, `${shown(value)} is not a number of ${expected}`);
  }
  if (bytes >= leastRate) return bytes;
  return refuse(ctx, `${shown(value)} is less than the least, ${byteSizeText(leastRate)} a second`);
}, formatByteSize);

/** A number of bytes or a share of the disk, of which something is left to store in. */
export function sizeLimit(key: 'maxsize' | 'minfree') {
  return scalar((value, ctx): SizeLimit => {
    const share = /^(-?[0-9]+(?:\.[0-9]+)?) ?%$/.exec(value)?.[1];
    if (share === undefined) {
      if (key === 'minfree' && parseByteSize(value) === 0) return { bytes: 0 };
      return { bytes: bytesOf(value, ctx, 'a size, such as 20GiB, or a share of the disk, such as 10%') };
    }
    const percent = Number(share);
    if (percent < 0 || percent > 100) return refuse(ctx, `${shown(value)} is not from 0% to 100%`);
    if (key === 'maxsize' ? percent === 0 : percent === 100) {
      return refuse(ctx, `${value} leaves no room to store anything`);
    }
    return { percent };
  }, limitText);
}

function bytesOf(value: string, ctx: RefinementContext, expected: string): number {
  const bytes = parseByteSize(value);
  if (bytes === undefined) return refuse(ctx, `${shown(value)} is not ${expected}`);
  if (bytes >= least) return bytes;
  const hint = /^[0-9]+$/.test(value) && bytes > 0 ? `, did you mean ${value}GiB?` : '';
  return refuse(ctx, `${shown(value)} is less than one image takes${hint}`);
}

function limitText(limit: SizeLimit): string {
  return 'bytes' in limit ? formatByteSize(limit.bytes) : `${limit.percent}%`;
}
