import { expect, test } from 'vitest';
import { BufferPool } from '../../../src/http/buffer-pool.ts';

const KiB = 1024;

test('small content gets a small buffer, large content the largest', () => {
  const pool = new BufferPool();
  expect(pool.acquire(10).length).toBe(16 * KiB);
  expect(pool.acquire(20 * KiB).length).toBe(64 * KiB);
  expect(pool.acquire(1024 * KiB * KiB).length).toBe(2048 * KiB);
});

test('a buffer that came back is lent again', () => {
  const pool = new BufferPool();
  const buffer = pool.acquire(10);
  pool.release(buffer);
  expect(pool.acquire(10)).toBe(buffer);
});

test('the more is lent, the smaller the buffers', () => {
  const pool = new BufferPool({ lent: 8192 * KiB, idle: 0 });
  const sizes = Array.from({ length: 22 }, () => pool.acquire(KiB * KiB * KiB).length / KiB);
  expect(sizes).toStrictEqual([2048, 2048, 2048, 512, 512, ...Array.from({ length: 16 }, () => 64), 16]);
});

test('what is kept for later has a limit', () => {
  const pool = new BufferPool({ lent: 64 * KiB * KiB, idle: 2048 * KiB });
  const buffers = [1, 2, 3].map(() => pool.acquire(2 * KiB * KiB));
  for (const buffer of buffers) pool.release(buffer);
  expect(pool.idleBytes).toBe(2048 * KiB);
  expect(pool.lentBytes).toBe(0);
});
