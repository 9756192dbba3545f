import type { OnReadOpts, Socket } from 'node:net';
import type { PieceMemory } from './arriving.ts';

/** Bytes of a buffer. */
const bufferBytes = 256 * 1024;

/** With less room than this in a buffer, the next one is begun. */
const leastBytes = 128 * 1024;

/** Buffers kept for later, at most. */
const mostIdle = 8;

/** The high-water mark of such a connection: one piece, since a stream would join several by a copy. */
export const onePiece = 1;

/** A buffer that was begun. */
interface Use {
  readonly buffer: Buffer;
  /** Those before it on the same connection, as far as they may not be parsed to their end. */
  before: Use | undefined;
  /** Bytes in use. */
  held: number;
  /** Whether all that it will ever receive has come and was parsed: what is read of it is held by now. */
  isParsed: boolean;
}

/**
 * Lets connections receive into large buffers, one piece behind the other. By default Node allocates 64 KiB
 * for each read, over TLS 16 KiB, and takes no more at a time. A buffer is used again once it was parsed and
 * none of it is held: left to the garbage collector, buffers cost more than what is done with them.
 */
export class ReceiveBuffers implements PieceMemory {
  readonly #idle: Buffer[] = [];
  readonly #uses = new WeakMap<ArrayBufferLike, Use>();

  /** For one kind of connections. Their bodies are to be held piece by piece, as they are parsed. */
  onread(): OnReadOpts {
    let next: Buffer | undefined;
    return {
      // Node asks for a buffer when it makes a connection, and right after each callback.
      buffer: () => {
        const room = next ?? this.#begin(undefined);
        next = undefined;
        return room;
      },
      // Node calls it on the socket; the result says whether to go on, as that of `push`.
      callback: this.#callback((room) => {
        next = room;
      }),
    } satisfies Receiving;
  }

  hold({ buffer, length }: Uint8Array): void {
    const use = this.#uses.get(buffer);
    if (use === undefined) return;
    use.held += length;
    // A parser in the midst of a body no longer reads what came before it, such as the head of that answer.
    this.#parsed(use.before);
    use.before = undefined;
  }

  release({ buffer, length }: Uint8Array): void {
    const use = this.#uses.get(buffer);
    if (use === undefined) return;
    use.held -= length;
    this.#reuse(use);
  }

  #callback(goOn: (room: Buffer) => void): Receiving['callback'] {
    const next = (buffer: Buffer): Buffer => this.#begin(this.#uses.get(buffer.buffer));
    return function (this: Socket, length, buffer) {
      const more = this.push(buffer.subarray(0, length));
      goOn(buffer.length - length < leastBytes ? next(buffer) : buffer.subarray(length));
      return more;
    };
  }

  #begin(before: Use | undefined): Buffer {
    const buffer = this.#idle.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
    this.#uses.set(buffer.buffer, { buffer, before, held: 0, isParsed: false });
    return buffer;
  }

  #parsed(use: Use | undefined): void {
    if (use === undefined) return;
    this.#parsed(use.before);
    use.before = undefined;
    use.isParsed = true;
    this.#reuse(use);
  }

  #reuse({ buffer, held, isParsed }: Use): void {
    if (!isParsed || held > 0) return;
    this.#uses.delete(buffer.buffer);
    if (this.#idle.length < mostIdle) this.#idle.push(buffer);
  }
}

type Receiving = Pick<OnReadOpts, 'buffer'> & {
  callback(this: Socket, length: number, buffer: Buffer): boolean;
};
