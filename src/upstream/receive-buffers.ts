import type { OnReadOpts, Socket } from 'node:net';

/** Bytes of a buffer. Larger ones are garbage for longer, and pile up. */
const bufferBytes = 128 * 1024;

/** With less room than this in a buffer, the next one is begun. */
const leastBytes = 32 * 1024;

/** Bytes that a connection which receives so may hold until they are asked for. */
export const receiveWindow = 512 * 1024;

/**
 * Lets connections receive into large buffers, one piece behind the other. By itself Node allocates 64 KiB for each read
 * and takes no more than that at a time; over TLS, 16 KiB.
 */
export function receiveBuffers(): OnReadOpts {
  let next: Buffer | undefined;
  return {
    // Node asks for a buffer when it makes a connection, and right after each callback.
    buffer() {
      const room = next ?? Buffer.allocUnsafeSlow(bufferBytes);
      next = undefined;
      return room;
    },
    // Node calls it on the socket, and says by the result whether to go on, as `push` does where there is no callback.
    callback(this: Socket, length: number, buffer: Buffer) {
      const more = this.push(buffer.subarray(0, length));
      const left = buffer.length - length;
      next = left < leastBytes ? Buffer.allocUnsafeSlow(bufferBytes) : buffer.subarray(length);
      return more;
    },
  } satisfies Receiving;
}

type Receiving = Pick<OnReadOpts, 'buffer'> & {
  callback(this: Socket, length: number, buffer: Buffer): boolean;
};
