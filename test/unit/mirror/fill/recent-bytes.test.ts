import { describe, expect, it } from 'vitest';
import { blockBytes, Blocks } from '../../../../src/mirror/fill/blocks.ts';
import { RecentBytes } from '../../../../src/mirror/fill/recent-bytes.ts';
import { noise } from '../../../support/image.ts';

const MiB = 1024 * 1024;
const bytes = noise(8 * MiB, 'recent-bytes');

/** The recent bytes of `bytes` from `start` on, all of it written. */
function filled(start = 1000, pool = new Blocks()): RecentBytes {
  const recent = new RecentBytes(start, bytes.length, pool);
  for (let at = start; at < bytes.length; at += 70_000) {
    recent.append(bytes.subarray(at, at + 70_000));
    recent.take();
  }
  return recent;
}

/** What is kept from `position` on, given back at once. */
function look(recent: RecentBytes, length: number, position: number): Buffer | undefined {
  const loan = recent.lend(length, position);
  loan?.release();
  return loan && Buffer.from(loan.bytes);
}

describe('the recent bytes of a fill', () => {
  it('lends what came last, from any position to the end', () => {
    const recent = filled();
    for (const back of [1, 29_999, 70_001, 2 * MiB]) {
      const seen: Buffer[] = [];
      for (let position = bytes.length - back; position < bytes.length;) {
        const piece = look(recent, 2 * MiB, position) ?? Buffer.alloc(bytes.length);
        seen.push(piece);
        position += piece.length;
      }
      expect(Buffer.concat(seen).equals(bytes.subarray(bytes.length - back))).toBe(true);
    }
  });

  it('lends no more than is asked for', () => {
    expect(look(filled(), 90, bytes.length - 500_000)).toHaveLength(90);
  });

  it('has nothing of what came long ago, is still to come, or was before its time', () => {
    for (const position of [0, 1000, 3 * MiB, bytes.length]) {
      expect(filled().lend(10, position)).toBeUndefined();
    }
    expect(new RecentBytes(0, Infinity, new Blocks()).lend(10, 0)).toBeUndefined();
  });

  it('gives all bytes to be written, in order and once', () => {
    const recent = new RecentBytes(0, bytes.length, new Blocks());
    const written: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 300_000) {
      recent.append(bytes.subarray(at, at + 300_000));
      if (at % 900_000 === 0) written.push(...recent.take().map((piece) => Buffer.from(piece)));
    }
    written.push(...recent.take().map((piece) => Buffer.from(piece)));
    expect(recent.take()).toEqual([]);
    expect(Buffer.concat(written).equals(bytes)).toBe(true);
  });

  it('uses no memory again whose bytes are still to be written, or are being written', () => {
    const recent = new RecentBytes(0, bytes.length, new Blocks());
    recent.append(bytes.subarray(0, 100_000));
    const beingWritten = recent.take();
    recent.append(bytes.subarray(100_000));
    expect(Buffer.concat(beingWritten).equals(bytes.subarray(0, 100_000))).toBe(true);
    expect(Buffer.concat(recent.take()).equals(bytes.subarray(100_000))).toBe(true);
  });

  it('never changes what it has lent before that is given back, then uses its memory again', () => {
    const pool = new Blocks();
    const recent = new RecentBytes(0, Infinity, pool);
    const push = (piece: Buffer): void => {
      recent.append(piece);
      recent.take();
    };
    push(bytes.subarray(0, 10_000));
    const loan = recent.lend(10_000, 0);
    const other = recent.lend(10_000, 0);
    for (let turn = 0; turn < 3; turn += 1) push(bytes.subarray(10_000));
    expect(loan?.bytes.equals(bytes.subarray(0, 10_000))).toBe(true);
    other?.release();
    recent.close();
    const mine = (block: Buffer): boolean => block.buffer === loan?.bytes.buffer;
    const taken = Array.from({ length: 32 }, () => pool.take(blockBytes));
    expect(taken.some(mine)).toBe(false);
    loan?.release();
    expect(mine(pool.take(blockBytes))).toBe(true);
  });

  it('lends nothing while readers hold on to much that came long ago', () => {
    const pool = new Blocks();
    const recent = new RecentBytes(0, Infinity, pool);
    const held = Array.from({ length: 40 }, (_, index) => {
      recent.append(bytes.subarray(0, blockBytes));
      recent.take();
      return recent.lend(1, index * blockBytes);
    });
    expect(held.filter((loan) => loan !== undefined).length).toBeLessThan(30);
    expect(recent.lend(1, 39 * blockBytes)).toBeUndefined();
    for (const loan of held) loan?.release();
    expect(recent.lend(1, 39 * blockBytes)?.bytes).toHaveLength(1);
  });

  it('takes the memory of an earlier one, however much goes through it', () => {
    const pool = new Blocks();
    filled(0, pool).close();
    const seen = new Set<ArrayBufferLike>();
    const recent = new RecentBytes(0, Infinity, pool);
    for (let turn = 0; turn < 4; turn += 1) {
      recent.append(bytes);
      for (const { buffer } of recent.take()) seen.add(buffer);
      recent.take();
    }
    expect(seen.size * blockBytes).toBeLessThan(2 * bytes.length);
  });

  it('of a small blob takes no more memory than the blob', () => {
    const recent = new RecentBytes(0, 100, new Blocks());
    recent.append(bytes.subarray(0, 100));
    expect(recent.lend(100, 0)?.bytes.buffer.byteLength).toBe(100);
  });
});
