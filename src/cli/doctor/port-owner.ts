import { readdir, readFile, readlink } from 'node:fs/promises';
import { errnoOf } from '../../store/file-error.ts';

/** What a socket in LISTEN has in the fourth column. */
const listening = '0A';

/**
 * The program that listens on a TCP port, as `name (pid 42)`; undefined if unknown: not on Linux, nor for
 * processes of other users.
 * @see https://docs.kernel.org/networking/proc_net_tcp.html
 */
export async function portOwner(port: number): Promise<string | undefined> {
  const sockets = await listeningSockets(port);
  if (sockets.size === 0) return undefined;
  for (const pid of (await entries('/proc')).filter((name) => /^\d+$/.test(name))) {
    for (const descriptor of await entries(`/proc/${pid}/fd`)) {
      const target = await unlessGone(readlink(`/proc/${pid}/fd/${descriptor}`));
      if (target === undefined || !sockets.has(target)) continue;
      const name = await unlessGone(readFile(`/proc/${pid}/comm`, 'utf8'));
      return `${name?.trim() ?? 'a process'} (pid ${pid})`;
    }
  }
  return undefined;
}

/** As links of file descriptors name them. */
async function listeningSockets(port: number): Promise<ReadonlySet<string>> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => unlessGone(readFile(file, 'utf8'))),
  );
  const sockets = new Set<string>();
  for (const line of tables.flatMap((table) => table?.split('\n') ?? [])) {
    const columns = line.trim().split(/\s+/);
    if (columns[3] === listening && columns[1]?.endsWith(suffix) === true)
      sockets.add(`socket:[${columns[9]}]`);
  }
  return sockets;
}

async function entries(folder: string): Promise<readonly string[]> {
  return (await unlessGone(readdir(folder))) ?? [];
}

/** Undefined where a process has ended meanwhile, or belongs to another user. */
async function unlessGone<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
