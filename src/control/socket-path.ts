import { open, type FileHandle } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** The name of the socket within the data folder. */
export const socketName = 'control.sock';

/** Bytes that a path may have in a `sockaddr_un`, as unix(7) has it; 104 with its last zero on the BSDs and macOS. */
const maxPathBytes = process.platform === 'linux' ? 107 : 103;

/** A path that the system takes for a socket, for as long as it is not closed. */
export interface SocketPath extends AsyncDisposable {
  readonly path: string;
}

/** The path of a socket is longer than the system allows, and there is no shorter one. */
export class LongPathError extends Error {
  override readonly name = 'LongPathError';
  readonly code = 'ENAMETOOLONG';
}

/**
 * The path of `name` in `folder`. Where that is too long for a socket, Linux has a shorter one to the same: through
 * the folder opened.
 * @throws {LongPathError} where other systems have none
 */
export async function socketPath(folder: string, name: string): Promise<SocketPath> {
  const path = join(resolve(folder), name);
  if (Buffer.byteLength(path) <= maxPathBytes)
    return { path, [Symbol.asyncDispose]: () => Promise.resolve() };
  if (process.platform !== 'linux') {
    throw new LongPathError(`${path} is longer than the ${maxPathBytes} bytes that a socket may have`);
  }
  const handle: FileHandle = await open(folder, 'r');
  return {
    path: `/proc/self/fd/${handle.fd}/${name}`,
    [Symbol.asyncDispose]: () => handle.close(),
  };
}
