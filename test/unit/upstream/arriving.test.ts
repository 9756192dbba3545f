import { describe, expect, it } from 'vitest';
import type { Arriving, PieceMemory } from '../../../src/upstream/arriving.ts';
import { noise } from '../../support/image.ts';
import { ToldAnswer } from './told-answer.ts';

const bytes = noise(4 * 1024 * 1024, 'arriving');

/** The pieces of `body`, to its end. */
async function rest(body: Arriving): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  for (let piece = await body.next(); piece !== undefined; piece = await body.next()) pieces.push(piece);
  return pieces;
}

/** Counts the bytes that are held. */
class Held implements PieceMemory {
  bytes = 0;

  hold({ length }: Uint8Array): void {
    this.bytes += length;
  }

  release({ length }: Uint8Array): void {
    this.bytes -= length;
  }
}

describe('the head of an arriving answer', () => {
  it('is the first that is no interim one', async () => {
    const answer = new ToldAnswer().start().answer(103).answer(206);
    await expect(answer.arriving.head).resolves.toEqual({ status: 206, headers: {} });
  });

  it('does not come when the request fails', async () => {
    const answer = new ToldAnswer().start().fail(new Error('no route'));
    await expect(answer.arriving.head).rejects.toThrow('no route');
  });

  it('does not come when the request is given up, even before a connection has taken it', async () => {
    const giveUp = new AbortController();
    const answer = new ToldAnswer(undefined, giveUp.signal);
    giveUp.abort();
    await expect(answer.arriving.head).rejects.toThrow('given up');
    expect(answer.aborted).toBeUndefined();
    answer.start();
    expect(answer.aborted).toBeInstanceOf(Error);
  });
});

describe('a request that was given up before', () => {
  it('is not sent', async () => {
    const answer = new ToldAnswer(undefined, AbortSignal.abort());
    await expect(answer.arriving.head).rejects.toThrow('given up');
    answer.start();
    expect(answer.aborted).toBeInstanceOf(Error);
  });
});

describe('an answer whose bandwidth is limited', () => {
  it('is not received for as long as its meter holds it, and counts its head', async () => {
    const taken: number[] = [];
    let goOn = (): void => undefined;
    const answer = new ToldAnswer(undefined, undefined, {
      heldMs: 0,
      took: (count, release) => {
        taken.push(count);
        goOn = release;
        return count < 1000;
      },
      end: () => taken.push(0),
    })
      .start()
      .answer();

    answer.push(Buffer.alloc(999));
    expect(answer.paused).toBe(false);
    answer.push(Buffer.alloc(1000));
    expect(answer.paused).toBe(true);
    await answer.arriving.next();
    expect(answer.paused).toBe(true);
    goOn();
    expect(answer.paused).toBe(false);
    answer.end();
    expect(taken).toEqual([512, 999, 1000, 0]);
  });

  it('that its reader does not take is not received when its meter lets it', () => {
    let goOn = (): void => undefined;
    const answer = new ToldAnswer(undefined, undefined, {
      heldMs: 0,
      took: (_, release) => {
        goOn = release;
        return false;
      },
      end: () => undefined,
    })
      .start()
      .answer();

    answer.push(Buffer.alloc(1024 * 1024));
    goOn();

    expect(answer.paused).toBe(true);
  });
});

describe('an arriving body', () => {
  it('is given whole and in order', async () => {
    const answer = new ToldAnswer().start().answer();
    const reading = rest(answer.arriving);
    for (let at = 0; at < bytes.length; at += 65_536) {
      answer.push(Buffer.from(bytes.subarray(at, at + 65_536)));
      await Promise.resolve();
    }
    answer.end();
    expect(Buffer.concat(await reading).equals(bytes)).toBe(true);
  });

  it('that came in pieces that lie side by side is given in one', async () => {
    const answer = new ToldAnswer().start().answer();
    for (const at of [0, 100, 200]) answer.push(bytes.subarray(at, at + 100));
    answer.push('elsewhere').end();
    expect(await rest(answer.arriving)).toEqual([bytes.subarray(0, 300), Buffer.from('elsewhere')]);
  });

  it('is not received without bound while nobody takes it, and to its end once somebody does', async () => {
    const answer = new ToldAnswer().start().answer();
    let sent = 0;
    const send = (): void => {
      while (sent < bytes.length && !answer.paused) {
        answer.push(bytes.subarray(sent, sent + 65_536));
        sent += 65_536;
      }
    };
    send();
    expect(sent).toBeLessThan(bytes.length / 2);
    const pieces: Buffer[] = [];
    while (sent < bytes.length) {
      const piece = await answer.arriving.next();
      if (piece !== undefined) pieces.push(piece);
      send();
    }
    answer.end();
    pieces.push(...(await rest(answer.arriving)));
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  });

  it('that fails gives what came before, then its failure', async () => {
    const { arriving } = new ToldAnswer()
      .start()
      .answer()
      .push('the beginning')
      .fail(new Error('the line is cut'));
    expect(String(await arriving.next())).toBe('the beginning');
    await expect(arriving.next()).rejects.toThrow('the line is cut');
    await expect(arriving.next()).rejects.toThrow('the line is cut');
  });

  it('that is given up does not end well, nor give what came before', async () => {
    const giveUp = new AbortController();
    const held = new Held();
    const answer = new ToldAnswer(held, giveUp.signal).start().answer().push('the beginning');
    giveUp.abort();
    await expect(answer.arriving.next()).rejects.toThrow('given up');
    expect(answer.aborted).toBeInstanceOf(Error);
    answer.push('what was on its way');
    expect(held.bytes).toBe(0);
  });

  it('of which something is dropped does not end well, even if all of it had come', async () => {
    const { arriving } = new ToldAnswer().start().answer().push('the beginning').push('the end').end();
    await arriving.next();
    arriving.abort(new Error('enough'));
    await expect(arriving.next()).rejects.toThrow('enough');
  });

  it('that nobody reads any more goes on to its end after a pause', () => {
    const answer = new ToldAnswer().start().answer().push(bytes.subarray(0, 600_000));
    expect(answer.paused).toBe(true);
    answer.arriving.drain(1_000_000);
    expect(answer.paused).toBe(false);
    answer.push(bytes.subarray(600_000, 900_000)).end();
    expect(answer.aborted).toBeUndefined();
  });

  it('listens no longer to who gave it up once it is over', () => {
    const giveUp = new AbortController();
    const answer = new ToldAnswer(undefined, giveUp.signal).start().answer().end();
    giveUp.abort();
    expect(answer.aborted).toBeUndefined();
  });

  it('is held from when it comes until it is given back', async () => {
    const held = new Held();
    const answer = new ToldAnswer(held).start().answer().push('one').push('three');
    expect(held.bytes).toBe(8);
    const first = await answer.arriving.next();
    expect(held.bytes).toBe(8);
    answer.arriving.release(first ?? Buffer.alloc(0));
    expect(held.bytes).toBe(5);
    answer.end().arriving.abort(new Error('enough'));
    expect(held.bytes).toBe(0);
    expect(answer.aborted).toBeUndefined();
  });
});
