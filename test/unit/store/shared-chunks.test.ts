import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SharedChunks } from '../../../src/store/filesystem/shared-chunks.ts';

const bytes = Buffer.from('0123456789abcdef');

/** A file of 16 bytes, in chunks of 4, and what is read of it. */
function file(chunks = new SharedChunks({ chunk: 4, chunks: 2 })) {
  const reads: number[] = [];
  const read = (buffer: Buffer, position: number): Promise<number> => {
    reads.push(position);
    return Promise.resolve(bytes.copy(buffer, 0, position));
  };
  const lend = (position: number, length = 16, name = 'file') => chunks.lend(name, length, position, read);
  return { chunks, reads, lend };
}

/** The same with two readers. */
function shared() {
  const opened = file();
  opened.chunks.enter('file');
  opened.chunks.enter('file');
  return opened;
}

describe('a chunk', () => {
  it('is read once for all who want it at the same time', async () => {
    const { lend, reads } = shared();

    const loans = await Promise.all([lend(4), lend(4), lend(4)]);

    expect(loans.map((loan) => loan?.bytes.toString())).toEqual(['4567', '4567', '4567']);
    expect(reads).toEqual([4]);
  });

  it('is there for those who come a little later', async () => {
    const { lend, reads } = shared();
    (await lend(0))?.release();
    (await lend(4))?.release();

    expect((await lend(0))?.bytes.toString()).toBe('0123');
    expect((await lend(6))?.bytes.toString()).toBe('67');
    expect((await lend(5, 1))?.bytes.toString()).toBe('5');
    expect(reads).toEqual([0, 4]);
  });

  it('makes room for another one when it was not used for the longest time', async () => {
    const { lend, reads, chunks } = shared();
    (await lend(0))?.release();
    (await lend(4))?.release();
    (await lend(0))?.release();
    (await lend(8))?.release();
    (await lend(0))?.release();

    expect(reads).toEqual([0, 4, 8]);
    expect(chunks.bytes).toBe(8);
  });

  it('stays as it is for as long as somebody holds it', async () => {
    const { lend } = shared();
    const held = await lend(0);
    for (const position of [4, 8, 12]) (await lend(position))?.release();

    expect(held?.bytes.toString()).toBe('0123');
  });

  it('is not lent while slow readers hold all that there may be, and again when one lets go', async () => {
    const { lend, chunks } = shared();
    const slow = [await lend(0), await lend(4)];

    expect(await lend(8)).toBeUndefined();
    expect((await lend(4))?.bytes.toString()).toBe('4567');
    slow[0]?.release();
    expect((await lend(8))?.bytes.toString()).toBe('89ab');
    expect(chunks.bytes).toBe(8);
  });

  it("that could not be read is nobody's, and is read anew", async () => {
    const { chunks, lend } = shared();
    const failing = (): Promise<number> => Promise.reject(new Error('EIO'));

    expect(await Promise.all([chunks.lend('file', 16, 0, failing), lend(0)])).toEqual([undefined, undefined]);
    expect((await lend(0))?.bytes.toString()).toBe('0123');
    expect(chunks.bytes).toBe(4);
  });

  it('is not read for somebody who wants only a part from its middle on', async () => {
    const { lend, chunks, reads } = shared();

    expect(await lend(5)).toBeUndefined();
    expect(reads).toEqual([]);
    expect(chunks.apart('file', 16, 5)).toBe(3);
  });
});

describe('a reader', () => {
  it('that is alone with its file reads for itself', async () => {
    const { lend, chunks } = file();
    chunks.enter('file');

    expect(await lend(0)).toBeUndefined();
    expect(chunks.apart('file', 16, 5)).toBe(16);
    expect(chunks.bytes).toBe(0);
  });

  it('gets nothing of what was read of another file', async () => {
    const { lend, chunks, reads } = shared();
    chunks.enter('other');
    chunks.enter('other');
    (await lend(0))?.release();
    (await lend(0, 16, 'other'))?.release();

    expect(reads).toEqual([0, 0]);
  });

  it('that is the last of its file leaves nothing of it behind', async () => {
    const { lend, chunks, reads } = shared();
    (await lend(0))?.release();
    chunks.leave('file');
    chunks.leave('file');
    chunks.enter('file');
    chunks.enter('file');
    (await lend(0))?.release();

    expect(reads).toEqual([0, 0]);
  });
});

describe('the memory for chunks', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is kept for the next readers for some seconds, and goes when there are none', async () => {
    const { lend, chunks } = shared();
    (await lend(0))?.release();
    (await lend(4))?.release();
    chunks.leave('file');
    chunks.leave('file');
    vi.advanceTimersByTime(5000);
    expect(chunks.bytes).toBe(8);
    vi.advanceTimersByTime(5000);
    expect(chunks.bytes).toBe(0);
  });

  it('stays while something of it is lent, or somebody reads', async () => {
    const { lend, chunks } = shared();
    const held = await lend(0);
    chunks.leave('file');
    chunks.leave('file');
    vi.advanceTimersByTime(60_000);
    expect(chunks.bytes).toBe(4);
    expect(held?.bytes.toString()).toBe('0123');

    held?.release();
    chunks.enter('file');
    vi.advanceTimersByTime(60_000);
    expect(chunks.bytes).toBe(4);
    chunks.leave('file');
    vi.advanceTimersByTime(60_000);
    expect(chunks.bytes).toBe(0);
  });
});
