import { describe, expect, it } from 'vitest';
import { blockBytes, Blocks } from '../../../../src/mirror/fill/blocks.ts';
import { Tail } from '../../../../src/mirror/fill/tail.ts';
import { noise } from '../../../support/image.ts';

const MiB = 1024 * 1024;
const bytes = noise(8 * MiB, 'tail');

/** A tail of `bytes` from `start` on, all of it written. */
function filled(start = 1000, pool = new Blocks()): Tail {
  const tail = new Tail(start, bytes.length, pool);
  for (let at = start; at < bytes.length; at += 70_000) {
    tail.append(bytes.subarray(at, at + 70_000));
    tail.take();
  }
  return tail;
}

/** What the tail has from `position` on, given back at once. */
function look(tail: Tail, length: number, position: number): Buffer | undefined {
  const loan = tail.lend(length, position);
  loan?.release();
  return loan && Buffer.from(loan.bytes);
}

describe('the tail of a fill', () => {
  it('lends what came last, from any position to the end', () => {
    const tail = filled();
    for (const back of [1, 29_999, 70_001, 2 * MiB]) {
      const seen: Buffer[] = [];
      for (let position = bytes.length - back; position < bytes.length;) {
        const piece = look(tail, 2 * MiB, position) ?? Buffer.alloc(bytes.length);
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
    expect(new Tail(0, Infinity, new Blocks()).lend(10, 0)).toBeUndefined();
  });

  it('gives all bytes to be written, in order and once', () => {
    const tail = new Tail(0, bytes.length, new Blocks());
    const written: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 300_000) {
      tail.append(bytes.subarray(at, at + 300_000));
      if (at % 900_000 === 0) written.push(...tail.take().map((piece) => Buffer.from(piece)));
    }
    written.push(...tail.take().map((piece) => Buffer.from(piece)));
    expect(tail.take()).toEqual([]);
    expect(Buffer.concat(written).equals(bytes)).toBe(true);
  });

  it('uses no memory again whose bytes are still to be written, or are being written', () => {
    const tail = new Tail(0, bytes.length, new Blocks());
    tail.append(bytes.subarray(0, 100_000));
    const beingWritten = tail.take();
    tail.append(bytes.subarray(100_000));
    expect(Buffer.concat(beingWritten).equals(bytes.subarray(0, 100_000))).toBe(true);
    expect(Buffer.concat(tail.take()).equals(bytes.subarray(100_000))).toBe(true);
  });

  it('never changes what it has lent before that is given back, then uses its memory again', () => {
    const pool = new Blocks();
    const tail = new Tail(0, Infinity, pool);
    const push = (piece: Buffer): void => {
      tail.append(piece);
      tail.take();
    };
    push(bytes.subarray(0, 10_000));
    const loan = tail.lend(10_000, 0);
    const other = tail.lend(10_000, 0);
    for (let turn = 0; turn < 3; turn += 1) push(bytes.subarray(10_000));
    expect(loan?.bytes.equals(bytes.subarray(0, 10_000))).toBe(true);
    other?.release();
    tail.close();
    const mine = (block: Buffer): boolean => block.buffer === loan?.bytes.buffer;
    const taken = Array.from({ length: 32 }, () => pool.take(blockBytes));
    expect(taken.some(mine)).toBe(false);
    loan?.release();
    expect(mine(pool.take(blockBytes))).toBe(true);
  });

  it('lends nothing while readers hold on to much that came long ago', () => {
    const pool = new Blocks();
    const tail = new Tail(0, Infinity, pool);
    const held = Array.from({ length: 40 }, (_, index) => {
      tail.append(bytes.subarray(0, blockBytes));
      tail.take();
      return tail.lend(1, index * blockBytes);
    });
    expect(held.filter((loan) => loan !== undefined).length).toBeLessThan(30);
    expect(tail.lend(1, 39 * blockBytes)).toBeUndefined();
    for (const loan of held) loan?.release();
    expect(tail.lend(1, 39 * blockBytes)?.bytes).toHaveLength(1);
  });

  it('takes the memory of an earlier one, however much goes through it', () => {
    const pool = new Blocks();
    filled(0, pool).close();
    const seen = new Set<ArrayBufferLike>();
    const tail = new Tail(0, Infinity, pool);
    for (let turn = 0; turn < 4; turn += 1) {
      tail.append(bytes);
      for (const { buffer } of tail.take()) seen.add(buffer);
      tail.take();
    }
    expect(seen.size * blockBytes).toBeLessThan(2 * bytes.length);
  });

  it('of a small blob takes no more memory than the blob', () => {
    const tail = new Tail(0, 100, new Blocks());
    tail.append(bytes.subarray(0, 100));
    expect(tail.lend(100, 0)?.bytes.buffer.byteLength).toBe(100);
  });
});
