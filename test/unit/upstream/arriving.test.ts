import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Arriving } from '../../../src/upstream/arriving.ts';
import { noise } from '../../support/image.ts';

const bytes = noise(4 * 1024 * 1024, 'arriving');

/** The pieces of `body`, to its end. */
async function rest(body: Arriving): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  for (let piece = await body.next(); piece !== undefined; piece = await body.next()) pieces.push(piece);
  return pieces;
}

/** Lets what is pushed now arrive. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe('an arriving body', () => {
  it('is given whole and in order', async () => {
    const readable = Readable.from(
      Array.from({ length: 64 }, (_, index) => bytes.subarray(index * 65_536, (index + 1) * 65_536)),
    );
    expect(Buffer.concat(await rest(new Arriving(readable))).equals(bytes)).toBe(true);
  });

  it('that came in pieces that lie side by side is given in one', async () => {
    const readable = new Readable({ read: () => undefined });
    const body = new Arriving(readable);
    for (const at of [0, 100, 200]) readable.push(bytes.subarray(at, at + 100));
    readable.push(Buffer.from('elsewhere'));
    readable.push(null);
    await turn();
    expect(await rest(body)).toEqual([bytes.subarray(0, 300), Buffer.from('elsewhere')]);
  });

  it('is not received without bound while nobody takes it, and to its end once somebody does', async () => {
    const pipe = new PassThrough();
    const body = new Arriving(pipe);
    let sent = 0;
    const send = (): void => {
      while (sent < bytes.length) {
        const piece = bytes.subarray(sent, sent + 65_536);
        sent += piece.length;
        if (!pipe.write(piece)) return;
      }
      pipe.end();
    };
    pipe.on('drain', send);
    send();
    for (let count = 0; count < 200; count += 1) await turn();
    expect(sent).toBeLessThan(bytes.length / 2);
    expect(Buffer.concat(await rest(body)).equals(bytes)).toBe(true);
  });

  it('that fails gives what came before, then its failure', async () => {
    const readable = new Readable({ read: () => undefined });
    const body = new Arriving(readable);
    readable.on('error', () => undefined);
    readable.push(Buffer.from('the beginning'));
    await turn();
    readable.destroy(new Error('the line is cut'));
    await turn();
    expect(String(await body.next())).toBe('the beginning');
    await expect(body.next()).rejects.toThrow('the line is cut');
    await expect(body.next()).rejects.toThrow('the line is cut');
  });

  it('that is closed before its end, or was from the start, does not end well', async () => {
    const readable = new Readable({ read: () => undefined });
    const body = new Arriving(readable);
    const next = body.next();
    readable.destroy();
    await expect(next).rejects.toThrow('closed before its end');
    await expect(new Arriving(readable).next()).rejects.toThrow('closed before its end');
  });
});
