import { readdir, readlink } from 'node:fs/promises';

/**
 * Kills what still runs with its working directory in the folder: the orphans of a program that had to be
 * killed.
 */
export async function killProcessesIn(folder: string): Promise<void> {
  for (const entry of await readdir('/proc')) {
    // A process may end while it is looked at, and threads of the kernel have no directory.
    const directory = await readlink(`/proc/${entry}/cwd`).catch(() => '');
    if (/^\d+$/u.test(entry) && directory.startsWith(`${folder}/`)) process.kill(Number(entry), 'SIGKILL');
  }
}
