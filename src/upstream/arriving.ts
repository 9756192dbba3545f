import type { Readable } from 'node:stream';

/** Bytes that wait to be taken, at which no more is received. */
const waitingBytes = 512 * 1024;

/** What has come of a body and waits to be taken, in pieces as large as they can be had without a copy. */
export class Arriving {
  readonly #readable: Readable;
  readonly #pieces: Buffer[] = [];
  #waiting = 0;
  #closed: boolean;
  #wake: (() => void) | undefined;

  constructor(readable: Readable) {
    this.#readable = readable;
    this.#closed = readable.closed;
    const over = (): void => {
      this.#closed = true;
      this.#wake?.();
    };
    readable.on('data', (piece: Buffer) => this.#push(piece));
    readable.once('end', over).once('close', over);
  }

  /** The next piece; undefined at the end. Rejects with what the body fails with. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#waiting -= piece.length;
        if (this.#waiting < waitingBytes && this.#readable.isPaused()) this.#readable.resume();
        return piece;
      }
      if (this.#readable.errored !== null) throw this.#readable.errored;
      if (this.#readable.readableEnded) return undefined;
      if (this.#closed) throw new Error('the body was closed before its end');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #push(piece: Buffer): void {
    const last = this.#pieces.at(-1);
    const both = last && joined(last, piece);
    if (both === undefined) this.#pieces.push(piece);
    else this.#pieces[this.#pieces.length - 1] = both;
    this.#waiting += piece.length;
    if (this.#waiting >= waitingBytes) this.#readable.pause();
    this.#wake?.();
  }
}

/** Two pieces that lie side by side in memory, as one. */
function joined(first: Buffer, second: Buffer): Buffer | undefined {
  if (first.buffer !== second.buffer || first.byteOffset + first.length !== second.byteOffset)
    return undefined;
  return Buffer.from(first.buffer, first.byteOffset, first.length + second.length);
}
