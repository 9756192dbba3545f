import type { OnReadOpts, Socket } from 'node:net';
import type { PieceMemory } from './arriving.ts';

/** Bytes of a buffer. */
const bufferBytes = 256 * 1024;

/** With less room than this in a buffer, the next one is begun. */
const leastBytes = 128 * 1024;

/** Buffers kept for later, at most. */
const mostIdle = 8;

/** The high-water mark of a connection that receives so: whatever waits is enough. Of several pieces a stream would make one by a copy. */
export const onePiece = 1;

/** A buffer that was begun. */
interface Use {
  readonly buffer: Buffer;
  /** Those before it on the same connection that have not been seen whole yet. */
  before: Use | undefined;
  /** Bytes that somebody reads. */
  held: number;
  /** Whether all that it will ever receive has come and was parsed: what is read of it is held by now. */
  isSeen: boolean;
}

/**
 * Lets connections receive into large buffers, one piece behind the other. By itself Node allocates 64 KiB for each read
 * and takes no more than that at a time; over TLS, 16 KiB. A buffer is used again once it was parsed and nobody holds any of it:
 * left to the garbage collector, which is called for much memory of this kind, buffers cost more than what is done with them.
 */
export class ReceiveBuffers implements PieceMemory {
  readonly #idle: Buffer[] = [];
  readonly #uses = new WeakMap<ArrayBufferLike, Use>();

  /** For one kind of connections. What they bring must be held by the time that it was read from them. */
  onread(): OnReadOpts {
    let next: Buffer | undefined;
    return {
      // Node asks for a buffer when it makes a connection, and right after each callback.
      buffer: () => {
        const room = next ?? this.#begin(undefined);
        next = undefined;
        return room;
      },
      // Node calls it on the socket, and says by the result whether to go on, as `push` does where there is no callback.
      callback: this.#callback((room) => {
        next = room;
      }),
    } satisfies Receiving;
  }

  hold({ buffer, length }: Uint8Array): void {
    const use = this.#uses.get(buffer);
    if (use !== undefined) use.held += length;
  }

  release({ buffer, length }: Uint8Array): void {
    const use = this.#uses.get(buffer);
    if (use === undefined) return;
    use.held -= length;
    this.#reuse(use);
  }

  #callback(goOn: (room: Buffer) => void): Receiving['callback'] {
    const seen = (buffer: Buffer): void => this.#seen(this.#uses.get(buffer.buffer)?.before);
    const next = (buffer: Buffer): Buffer => this.#begin(this.#uses.get(buffer.buffer));
    return function (this: Socket, length, buffer) {
      // Nothing that came earlier waits in the stream: all of it was parsed.
      if (this.readableLength === 0) seen(buffer);
      const more = this.push(buffer.subarray(0, length));
      goOn(buffer.length - length < leastBytes ? next(buffer) : buffer.subarray(length));
      return more;
    };
  }

  #begin(before: Use | undefined): Buffer {
    const buffer = this.#idle.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
    this.#uses.set(buffer.buffer, { buffer, before, held: 0, isSeen: false });
    return buffer;
  }

  #seen(use: Use | undefined): void {
    if (use === undefined || use.isSeen) return;
    use.isSeen = true;
    this.#seen(use.before);
    use.before = undefined;
    this.#reuse(use);
  }

  #reuse({ buffer, held, isSeen }: Use): void {
    if (!isSeen || held > 0) return;
    this.#uses.delete(buffer.buffer);
    if (this.#idle.length < mostIdle) this.#idle.push(buffer);
  }
}

type Receiving = Pick<OnReadOpts, 'buffer'> & {
  callback(this: Socket, length: number, buffer: Buffer): boolean;
};
