import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ResponseBody } from '../../../src/upstream/response-body.ts';
import { transportError } from '../../../src/upstream/transport-error.ts';
import { TestClock } from '../../support/test-clock.ts';

const asked = { host: 'registry.example.com', proxy: undefined, signal: undefined };

interface Drip {
  /** Of each piece. */
  readonly bytes: number;
  readonly pieces: number;
  /** Milliseconds before each piece, in which the reader waits. */
  readonly upstreamMs: number;
  /** Milliseconds after each piece, in which the reader does something else. */
  readonly readerMs?: number;
}

/** Reads a body that comes in drops; resolves to its length. */
async function read({ bytes, pieces, upstreamMs, readerMs = 0 }: Drip): Promise<number> {
  const clock = new TestClock();
  const readable = new Readable({ read: () => undefined });
  const body = new ResponseBody(readable, {
    clock,
    failure: (error) => transportError(error, asked),
    release: () => undefined,
  });
  const chunks = body[Symbol.asyncIterator]();
  let received = 0;
  for (let piece = 0; piece < pieces; piece += 1) {
    const next = chunks.next();
    await clock.advance(upstreamMs);
    readable.push(Buffer.alloc(bytes));
    const chunk = await next;
    received += chunk.value?.length ?? 0;
    await clock.advance(readerMs);
  }
  readable.push(null);
  expect((await chunks.next()).done).toBe(true);
  return received;
}

describe('a body', () => {
  it.each([
    { bytes: 1, pieces: 1000, upstreamMs: 29_000 },
    { bytes: 500, pieces: 1000, upstreamMs: 30_000 },
  ])('that comes at less than a kibibyte a minute is a timeout ($bytes bytes at a time)', async (drip) => {
    await expect(read(drip)).rejects.toMatchObject({ kind: 'timeout' });
  });

  it('that is slow, but not that slow, is read to its end', async () => {
    expect(await read({ bytes: 600, pieces: 100, upstreamMs: 29_000 })).toBe(60_000);
  });

  it('that comes in drops for less than a minute is read to its end', async () => {
    expect(await read({ bytes: 1, pieces: 5, upstreamMs: 10_000 })).toBe(5);
  });

  it('gives each piece back when the next is asked for, and not before', async () => {
    const released: string[] = [];
    const readable = new Readable({ read: () => undefined });
    const body = new ResponseBody(readable, {
      clock: new TestClock(),
      failure: (error) => transportError(error, asked),
      release: (piece) => released.push(String(piece)),
    });
    const chunks = body[Symbol.asyncIterator]();
    const first = chunks.next();
    readable.push('one');
    expect(String((await first).value)).toBe('one');
    expect(released).toEqual([]);
    const second = chunks.next();
    expect(released).toEqual(['one']);
    readable.push('two');
    expect(String((await second).value)).toBe('two');
    readable.push(null);
    expect((await chunks.next()).done).toBe(true);
    expect(released).toEqual(['one', 'two']);
  });

  it('read as a whole is right although its pieces are given back', async () => {
    const readable = Readable.from(['one, ', 'two, ', 'three'].map((text) => Buffer.from(text)));
    const body = new ResponseBody(readable, {
      clock: new TestClock(),
      failure: (error) => transportError(error, asked),
      release: (piece) => piece.fill('!'),
    });
    expect(String(await body.read(100, 1000))).toBe('one, two, three');
  });

  it('whose reader is slow is read to its end', async () => {
    expect(await read({ bytes: 1, pieces: 50, upstreamMs: 100, readerMs: 600_000 })).toBe(50);
  });
});
