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

test('the more is lent, the smaller the buffers', () => {
  const pool = new BufferPool({ lent: 2048 * KiB, idle: 0 });
  const sizes = Array.from({ length: 14 }, () => pool.acquire(KiB * KiB).length / KiB);
  expect(sizes).toStrictEqual([512, 512, 256, 256, 64, 64, 64, 64, 64, 64, 64, 64, 16, 16]);
});

test('what is kept for later has a limit', () => {
  const pool = new BufferPool({ lent: 64 * KiB * KiB, idle: 512 * KiB });
  const buffers = [1, 2, 3].map(() => pool.acquire(KiB * KiB));
  for (const buffer of buffers) pool.release(buffer);
  expect(pool.idleBytes).toBe(512 * KiB);
  expect(pool.lentBytes).toBe(0);
});
