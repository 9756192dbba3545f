import type { OnReadOpts, Socket } from 'node:net';

/** Bytes of a buffer. */
const bufferBytes = 256 * 1024;

/** With less room than this in a buffer, the next one is begun. */
const leastBytes = 128 * 1024;

/** Buffers kept for later, at most. */
const mostIdle = 4;

/** The high-water mark of a connection that receives so: whatever waits is enough. Of several pieces a stream would make one by a copy. */
export const onePiece = 1;

interface Use {
  readonly buffer: Buffer;
  /** Bytes that have come into it, and those of them that nobody reads any more. */
  received: number;
  released: number;
  isFull: boolean;
}

/**
 * Lets connections receive into large buffers, one piece behind the other. By itself Node allocates 64 KiB for each read
 * and takes no more than that at a time; over TLS, 16 KiB. A buffer is used again once all that came into it was
 * released; where something else came as well, as headers do, it is left to the garbage collector, which is slow to
 * notice memory of this kind.
 */
export class ReceiveBuffers {
  readonly #idle: Buffer[] = [];
  readonly #uses = new WeakMap<ArrayBufferLike, Use>();

  /** For one kind of connections. */
  onread(): OnReadOpts {
    let next: Buffer | undefined;
    return {
      // Node asks for a buffer when it makes a connection, and right after each callback.
      buffer: () => {
        const room = next ?? this.#begin();
        next = undefined;
        return room;
      },
      // Node calls it on the socket, and says by the result whether to go on, as `push` does where there is no callback.
      callback: this.#callback((room) => {
        next = room;
      }),
    } satisfies Receiving;
  }

  /** Nobody reads these bytes any more; any that came otherwise may be told of as well. */
  release({ buffer, length }: Uint8Array): void {
    const use = this.#uses.get(buffer);
    if (use === undefined) return;
    use.released += length;
    this.#reuse(use);
  }

  #callback(goOn: (room: Buffer | undefined) => void): Receiving['callback'] {
    const count = (buffer: Buffer, length: number, isFull: boolean): void => {
      const use = this.#uses.get(buffer.buffer);
      if (use === undefined) return;
      use.received += length;
      use.isFull = isFull;
    };
    return function (this: Socket, length, buffer) {
      const isFull = buffer.length - length < leastBytes;
      // Before anybody can release it.
      count(buffer, length, isFull);
      const more = this.push(buffer.subarray(0, length));
      goOn(isFull ? undefined : buffer.subarray(length));
      return more;
    };
  }

  #begin(): Buffer {
    const buffer = this.#idle.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
    this.#uses.set(buffer.buffer, { buffer, received: 0, released: 0, isFull: false });
    return buffer;
  }

  #reuse({ buffer, received, released, isFull }: Use): void {
    if (!isFull || released < received || this.#idle.length >= mostIdle) return;
    this.#uses.delete(buffer.buffer);
    this.#idle.push(buffer);
  }
}

type Receiving = Pick<OnReadOpts, 'buffer'> & {
  callback(this: Socket, length: number, buffer: Buffer): boolean;
};
