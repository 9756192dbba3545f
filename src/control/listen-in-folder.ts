import { once } from 'node:events';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { socketName, socketPath } from './socket-path.ts';

/** The socket is made in this folder, which no other user can enter. */
const stagingName = 'control.new';

/**
 * Makes `server` listen on a socket in `folder`, which must be locked: what a crash left there is replaced.
 * The socket appears at once and with its final mode, for this user alone; unlike a umask, that affects no
 * other file.
 *
 * To be disposed of once the server is closed, which unlinks the path that it listened on, and with the
 * folder still locked. Where the folder cannot be written to any more, a dead socket stays, which the next
 * server replaces.
 * @throws the system's error, or {@link LongPathError}
 */
export async function listenInFolder(server: Server, folder: string): Promise<AsyncDisposable> {
  const staging = join(folder, stagingName);
  await rm(staging, { recursive: true, force: true });
  await using closing = new AsyncDisposableStack();
  const { path } = closing.use(await socketPath(folder, join(stagingName, 's')));
  try {
    await mkdir(staging, { mode: 0o700 });
    server.listen(path);
    await once(server, 'listening');
    await chmod(join(staging, 's'), 0o600);
    await rename(join(staging, 's'), join(folder, socketName));
  } catch (error) {
    server.close();
    throw error;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  closing.defer(() => rm(join(folder, socketName), { force: true }).catch(() => undefined));
  return closing.move();
}
