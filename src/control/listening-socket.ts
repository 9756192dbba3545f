import { once } from 'node:events';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { socketName, socketPath, type SocketPath } from './socket-path.ts';

/** Where a socket is born: a folder that nobody else may enter. */
const nursery = 'control.new';

/** A server's socket in the data folder, for the user alone that the server runs as. */
export class ListeningSocket {
  readonly #folder: string;
  readonly #path: SocketPath;

  private constructor(folder: string, path: SocketPath) {
    this.#folder = folder;
    this.#path = path;
  }

  /**
   * Makes `server` listen in `folder`, which must be locked: what a crash left there is replaced. The socket appears with
   * its final mode, and all at once. Unlike a changed umask, that leaves files alone which others make meanwhile.
   * @throws the system's error, or {@link LongPathError}
   */
  static async open(server: Server, folder: string): Promise<ListeningSocket> {
    const born = join(folder, nursery);
    await rm(born, { recursive: true, force: true });
    const path = await socketPath(folder, join(nursery, 's'));
    try {
      await mkdir(born, { mode: 0o700 });
      server.listen(path.path);
      await once(server, 'listening');
      await chmod(join(born, 's'), 0o600);
      await rename(join(born, 's'), join(folder, socketName));
      return new ListeningSocket(folder, path);
    } catch (error) {
      server.close();
      await path[Symbol.asyncDispose]();
      throw error;
    } finally {
      await rm(born, { recursive: true, force: true });
    }
  }

  /**
   * Takes it away; to be called while the folder is still locked. Connections that were made stay. Where the folder cannot be
   * written to any more it stays, and nobody answers there: the next server replaces it.
   */
  async remove(): Promise<void> {
    await rm(join(this.#folder, socketName), { force: true }).catch(() => undefined);
  }

  /** To be called after the server is closed, which looks for the path that it listened on. */
  async close(): Promise<void> {
    await this.#path[Symbol.asyncDispose]();
  }
}
