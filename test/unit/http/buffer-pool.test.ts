import { expect, test } from 'vitest';
import { BufferPool } from '../../../src/http/buffer-pool.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** A pool that so many streams take from. */
function shared(streams: number, limit?: number): BufferPool {
  const pool = new BufferPool(limit);
  for (let count = 0; count < streams; count += 1) pool.enter();
  return pool;
}

test('small content gets a small buffer, large content the largest', () => {
  const pool = shared(1);
  expect(pool.acquire(10).length).toBe(16 * KiB);
  expect(pool.acquire(20 * KiB).length).toBe(64 * KiB);
  expect(pool.acquire(1024 * MiB).length).toBe(2 * MiB);
});

test('a buffer that came back is lent again', () => {
  const pool = shared(1);
  const buffer = pool.acquire(10);
  pool.release(buffer);
  expect(pool.acquire(10)).toBe(buffer);
});

test('streams share the memory in equal parts, those that come first as those that come last', () => {
  const pool = shared(32, 16 * MiB);
  const sizes = Array.from({ length: 64 }, () => pool.acquire(1024 * MiB).length / KiB);
  expect(new Set(sizes)).toEqual(new Set([256]));
});

test('a stream that was alone gets less once others have come, and more once they have left', () => {
  const pool = shared(1, 16 * MiB);
  const large = pool.acquire(1024 * MiB);
  expect(large.length).toBe(2 * MiB);
  for (let count = 0; count < 15; count += 1) pool.enter();
  expect(pool.acquire(1024 * MiB).length).toBe(512 * KiB);
  for (let count = 0; count < 15; count += 1) pool.leave();
  expect(pool.acquire(1024 * MiB).length).toBe(2 * MiB);
});

test('beyond the limit only the smallest buffers are lent', () => {
  const pool = shared(1, 2 * MiB);
  expect(pool.acquire(1024 * MiB).length).toBe(1 * MiB);
  expect(pool.acquire(1024 * MiB).length).toBe(1 * MiB);
  expect(pool.acquire(1024 * MiB).length).toBe(16 * KiB);
});

test('what is lent and what is kept for later stay within the limit together', () => {
  const pool = shared(1, 8 * MiB);
  const large = [1, 2, 3].map(() => pool.acquire(1024 * MiB));
  for (const buffer of large) pool.release(buffer);
  expect(pool.lentBytes).toBe(0);
  expect(pool.idleBytes).toBe(4 * MiB);

  for (let count = 0; count < 15; count += 1) pool.enter();
  const sizes = Array.from({ length: 32 }, () => pool.acquire(1024 * MiB).length / KiB);

  expect(new Set(sizes)).toEqual(new Set([256]));
  expect(pool.lentBytes + pool.idleBytes).toBe(8 * MiB);
});
