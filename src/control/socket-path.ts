import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** The name of the socket within the data folder. */
export const socketName = 'control.sock';

/** Bytes of a path in a `sockaddr_un` without the terminating zero: see unix(7). */
const maxPathBytes = process.platform === 'linux' ? 107 : 103;

/** A path that the system accepts for a socket, until it is disposed of. */
export interface SocketPath extends AsyncDisposable {
  readonly path: string;
}

/** The path of a socket is longer than the system allows, and there is no shorter one. */
export class LongPathError extends Error {
  override readonly name = 'LongPathError';
  readonly code = 'ENAMETOOLONG';
}

/**
 * The path of `name` in `folder`. If it is too long for a socket, Linux has a shorter one, through the opened
 * folder.
 * @throws {LongPathError} where other systems have none
 */
export async function socketPath(folder: string, name: string): Promise<SocketPath> {
  const path = join(resolve(folder), name);
  if (Buffer.byteLength(path) <= maxPathBytes) {
    return { path, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  if (process.platform !== 'linux') {
    throw new LongPathError(`${path} is longer than the ${maxPathBytes} bytes that a socket may have`);
  }
  const handle = await open(folder, 'r');
  return { path: `/proc/self/fd/${handle.fd}/${name}`, [Symbol.asyncDispose]: () => handle.close() };
}
