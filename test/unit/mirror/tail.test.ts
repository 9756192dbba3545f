import { describe, expect, it } from 'vitest';
import { Tail } from '../../../src/mirror/tail.ts';
import { noise } from '../../support/image.ts';

const MiB = 1024 * 1024;
const bytes = noise(5 * MiB, 'tail');

function filled(): Tail {
  const tail = new Tail(1000, bytes.length);
  for (let at = 1000; at < bytes.length; at += 70_000) {
    tail.append([bytes.subarray(at, at + 30_000), bytes.subarray(at + 30_000, at + 70_000)]);
  }
  return tail;
}

describe('the tail of a fill', () => {
  it('shows what came last, from any position to the end', () => {
    const tail = filled();
    for (const back of [1, 29_999, 70_001, 1_000_000]) {
      const seen: Buffer[] = [];
      for (let position = bytes.length - back; position < bytes.length;) {
        const view = tail.view(2 * MiB, position) ?? Buffer.alloc(bytes.length);
        seen.push(view);
        position += view.length;
      }
      expect(Buffer.concat(seen).equals(bytes.subarray(bytes.length - back))).toBe(true);
    }
  });

  it('shows no more than is asked for', () => {
    expect(filled().view(90, bytes.length - 500_000)).toHaveLength(90);
  });

  it('has nothing of what came long ago, is still to come, or was before its time', () => {
    for (const position of [0, 1000, 2 * MiB, bytes.length]) {
      expect(filled().view(10, position)).toBeUndefined();
    }
    expect(new Tail(0, Infinity).view(10, 0)).toBeUndefined();
  });

  it('never changes what it has shown', () => {
    const tail = new Tail(0, bytes.length);
    tail.append([bytes.subarray(0, 10_000)]);
    const view = tail.view(10_000, 0);
    tail.append([bytes.subarray(10_000)]);
    expect(view?.equals(bytes.subarray(0, 10_000))).toBe(true);
  });

  it('of a small blob takes no more memory than the blob', () => {
    const tail = new Tail(0, 100);
    tail.append([bytes.subarray(0, 100)]);
    expect(tail.view(100, 0)?.buffer.byteLength).toBe(100);
  });
});
