import { expect, test } from 'vitest';
import { BufferPool } from '../../../src/http/buffer-pool.ts';

const KiB = 1024;

test('small content gets a small buffer, large content the largest', () => {
  const pool = new BufferPool();
  expect(pool.acquire(10).length).toBe(16 * KiB);
  expect(pool.acquire(20 * KiB).length).toBe(64 * KiB);
  expect(pool.acquire(1024 * KiB * KiB).length).toBe(512 * KiB);
});

test('a buffer that came back is lent again', () => {
  const pool = new BufferPool();
  const buffer = pool.acquire(10);
  pool.release(buffer);
  expect(pool.acquire(10)).toBe(buffer);
});

test('under load only the smallest buffers are lent', () => {
  const pool = new BufferPool({ lent: 1024 * KiB, idle: 0 });
  const sizes = [1, 2, 3, 4].map(() => pool.acquire(KiB * KiB).length);
  expect(sizes).toStrictEqual([512 * KiB, 512 * KiB, 16 * KiB, 16 * KiB]);
});

test('what is kept for later has a limit', () => {
  const pool = new BufferPool({ lent: 64 * KiB * KiB, idle: 512 * KiB });
  const buffers = [1, 2, 3].map(() => pool.acquire(KiB * KiB));
  for (const buffer of buffers) pool.release(buffer);
  expect(pool.idleBytes).toBe(512 * KiB);
  expect(pool.lentBytes).toBe(0);
});
