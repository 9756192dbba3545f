import { expect, it } from 'vitest';
import { writeAll } from '../../../src/store/filesystem/write-all.ts';

/** A file that takes at most `atMost` bytes a call. */
function narrowFile(atMost: number) {
  const written = Buffer.alloc(100);
  const positions: number[] = [];
  return {
    written,
    positions,
    writev(chunks: readonly Uint8Array[], position: number) {
      const taken = Buffer.concat(chunks).subarray(0, atMost);
      taken.copy(written, position);
      positions.push(position);
      return Promise.resolve({ bytesWritten: taken.length });
    },
  };
}

it('goes on where a short write stopped, inside a chunk or between two', async () => {
  const file = narrowFile(3);
  const chunks = ['ab', '', 'cdefg', 'h'].map((text) => Buffer.from(text));
  expect(await writeAll(file, chunks, 10)).toBe(8);
  expect(file.written.toString('latin1', 10, 18)).toBe('abcdefgh');
  expect(file.positions).toEqual([10, 13, 16]);
});

it('gives up on a file that takes nothing', async () => {
  await expect(writeAll(narrowFile(0), [Buffer.from('a')], 0)).rejects.toMatchObject({ code: 'IO' });
});

it('writes nothing when there is nothing to write', async () => {
  const file = narrowFile(3);
  expect(await writeAll(file, [Buffer.alloc(0)], 5)).toBe(0);
  expect(file.positions).toEqual([]);
});
