import { readFile } from 'node:fs/promises';
import { command } from './command.ts';

/** Unmounts whatever a daemon left mounted in the folder, innermost first: rm would go through a mount. */
export async function unmountBelow(folder: string): Promise<void> {
  const table = await readFile('/proc/self/mounts', 'utf8');
  const targets = table
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((target) => target.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length);
  for (const target of targets) await command('umount', ['--lazy', target]);
}
