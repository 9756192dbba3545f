import { describe, expect, it } from 'vitest';
import { ResponseBody } from '../../../src/upstream/response-body.ts';
import { transportError } from '../../../src/upstream/transport-error.ts';
import { TestClock } from '../../support/test-clock.ts';
import { ToldAnswer } from './told-answer.ts';

/** The body of `answer`, and the clock that it goes by. */
function bodyOf(answer: ToldAnswer): { readonly body: ResponseBody; readonly clock: TestClock } {
  const clock = new TestClock();
  const body = new ResponseBody(answer.arriving, { clock, failure: (error) => transportError(error, asked) });
  return { body, clock };
}

const asked = {
  host: 'registry.example.com',
  proxy: undefined,
  signal: undefined,
  stage: 'body',
} as const;

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

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
  const answer = new ToldAnswer().start().answer();
  const { body, clock } = bodyOf(answer);
  const chunks = body[Symbol.asyncIterator]();
  let received = 0;
  for (let piece = 0; piece < pieces; piece += 1) {
    const next = chunks.next();
    await clock.advance(upstreamMs);
    answer.push(Buffer.alloc(bytes));
    const chunk = await next;
    received += chunk.value?.length ?? 0;
    await clock.advance(readerMs);
  }
  answer.end();
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

  it('that a limit of the bandwidth holds up for minutes is read to its end', async () => {
    const meter = { heldMs: 0, took: () => true, end: () => undefined };
    const answer = new ToldAnswer(undefined, undefined, meter);
    const { body, clock } = bodyOf(answer.start().answer());
    const chunks = body[Symbol.asyncIterator]();

    for (let pieces = 0; pieces < 5; pieces += 1) {
      const next = chunks.next();
      await clock.advance(5 * 60_000);
      meter.heldMs += 5 * 60_000;
      answer.push('x');
      expect((await next).done).toBe(false);
    }
  });

  it('gives each piece back when the next is asked for, and not before', async () => {
    const released: string[] = [];
    const answer = new ToldAnswer({ hold: () => undefined, release: (piece) => released.push(text(piece)) });
    const { body } = bodyOf(answer.start().answer());
    const chunks = body[Symbol.asyncIterator]();
    const first = chunks.next();
    answer.push('one');
    expect(String((await first).value)).toBe('one');
    expect(released).toEqual([]);
    const second = chunks.next();
    expect(released).toEqual(['one']);
    answer.push('two');
    expect(String((await second).value)).toBe('two');
    answer.end();
    expect((await chunks.next()).done).toBe(true);
    expect(released).toEqual(['one', 'two']);
  });

  it('read as a whole is right although its pieces are given back', async () => {
    const answer = new ToldAnswer({ hold: () => undefined, release: (piece) => piece.fill(33) });
    const { body } = bodyOf(answer.start().answer().push('one, ').push('two, ').push('three').end());
    expect(String(await body.read(100, 1000))).toBe('one, two, three');
  });

  it('that its reader leaves is given up, and whatever the reader had of it given back', async () => {
    const released: string[] = [];
    const answer = new ToldAnswer({ hold: () => undefined, release: (piece) => released.push(text(piece)) });
    const { body } = bodyOf(answer.start().answer().push('one').push('two'));
    for await (const chunk of body) {
      expect(String(chunk)).toBe('one');
      break;
    }
    expect(released).toEqual(['one', 'two']);
    expect(answer.aborted).toBeInstanceOf(Error);
  });

  it('gives each piece back once, however often its reader leaves, and though the reader leaves while it comes', async () => {
    let held = 0;
    const memory = {
      hold: ({ length }: Uint8Array) => (held += length),
      release: ({ length }: Uint8Array) => (held -= length),
    };
    const left = new ToldAnswer(memory).start().answer().push('one');
    const chunks = bodyOf(left).body[Symbol.asyncIterator]();
    await chunks.next();
    await chunks.return?.();
    await chunks.return?.();
    expect(held).toBe(0);
    const leaving = new ToldAnswer(memory).start().answer().push('one');
    const others = bodyOf(leaving).body[Symbol.asyncIterator]();
    const next = others.next();
    await others.return?.();
    await next;
    expect(held).toBe(0);
  });

  it('tells of its end, of its failure, and of a reader that leaves it', async () => {
    const whole = new ToldAnswer().start().answer().push('one').end();
    const { body } = bodyOf(whole);
    await body.read(100, 1000);
    expect(await body.ended).toBeUndefined();

    const cut = new ToldAnswer().start().answer().fail(new Error('cut'));
    const broken = bodyOf(cut).body;
    await expect(broken.read(100, 1000)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(await broken.ended).toMatchObject({ kind: 'unavailable' });

    const { body: left } = bodyOf(new ToldAnswer().start().answer().push('one'));
    await left[Symbol.asyncIterator]().return?.();
    expect(await left.ended).toBeUndefined();
  });

  it('that is discarded tells of its end at once', async () => {
    const { body } = bodyOf(new ToldAnswer().start().answer().push('one'));
    body.discard();
    expect(await body.ended).toBeUndefined();
  });

  it('that is discarded is received to its end if that is near, and given up if not', () => {
    const near = new ToldAnswer().start().answer();
    bodyOf(near).body.discard();
    near.push(Buffer.alloc(64 * 1024)).end();
    expect(near.aborted).toBeUndefined();
    const far = new ToldAnswer()
      .start()
      .answer()
      .push(Buffer.alloc(40 * 1024));
    bodyOf(far).body.discard();
    expect(far.aborted).toBeUndefined();
    far.push(Buffer.alloc(40 * 1024));
    expect(far.aborted).toBeInstanceOf(Error);
  });

  it('whose reader is slow is read to its end', async () => {
    expect(await read({ bytes: 1, pieces: 50, upstreamMs: 100, readerMs: 600_000 })).toBe(50);
  });
});
