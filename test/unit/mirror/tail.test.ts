import { describe, expect, it } from 'vitest';
import { Tail } from '../../../src/mirror/tail.ts';
import { noise } from '../../support/image.ts';

const MiB = 1024 * 1024;
const bytes = noise(5 * MiB, 'tail');

function filled(): Tail {
  const tail = new Tail(1000);
  for (let at = 1000; at < bytes.length; at += 70_000) {
    tail.append([bytes.subarray(at, at + 30_000), bytes.subarray(at + 30_000, at + 70_000)]);
  }
  return tail;
}

describe('the tail of a fill', () => {
  it('gives back what came last, from any position, over the borders of chunks', () => {
    const tail = filled();
    for (const back of [1, 29_999, 70_001, 1_000_000]) {
      const position = bytes.length - back;
      const buffer = Buffer.alloc(2 * MiB);
      const count = tail.copy(buffer, buffer.length, position);
      expect(count).toBe(back);
      expect(buffer.subarray(0, count).equals(bytes.subarray(position))).toBe(true);
    }
  });

  it('gives no more than is asked for', () => {
    const position = bytes.length - 500_000;
    const buffer = Buffer.alloc(100_000, 0);
    expect(filled().copy(buffer, 90_000, position)).toBe(90_000);
    expect(buffer.subarray(0, 90_000).equals(bytes.subarray(position, position + 90_000))).toBe(true);
    expect(buffer.subarray(90_000).every((byte) => byte === 0)).toBe(true);
  });

  it('has nothing of what came long ago, is still to come, or was before its time', () => {
    const buffer = Buffer.alloc(10);
    for (const position of [0, 1000, 2 * MiB, bytes.length]) {
      expect(filled().copy(buffer, 10, position)).toBe(0);
    }
    expect(new Tail(0).copy(buffer, 10, 0)).toBe(0);
  });
});
