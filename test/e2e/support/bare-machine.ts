import { mkdir, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { TempFolder } from '../../support/temp-folder.ts';
import { command } from './command.ts';

/** What a machine may need to reach the npm registry. */
const reachesRegistries = ['HOME', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'NODE_EXTRA_CA_CERTS'];

/**
 * The environment of a machine that has Node.js, npm, a shell and coreutils: no compiler, no python, no git.
 * Its Node is the machine's own, whatever its version, and not the one that node_modules brings along.
 */
export async function bareEnvironment(folder: TempFolder): Promise<NodeJS.ProcessEnv> {
  const programs = folder.join('bin');
  await mkdir(programs);
  const coreutils = (await command('dpkg', ['--listfiles', 'coreutils']))
    .split('\n')
    .filter((path) => /\/s?bin\/[^/]+$/u.test(path));
  const own = ['node', 'npm', 'sh'];
  const found = await Promise.all(own.map(async (program) => ownProgram(program)));
  for (const path of [...coreutils, ...found]) await symlink(path, join(programs, path.replace(/.*\//u, '')));
  const env: NodeJS.ProcessEnv = { CI: 'true', PATH: programs };
  for (const name of reachesRegistries) env[name] = process.env[name];
  return env;
}

async function ownProgram(program: string): Promise<string> {
  const path = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((entry) => !entry.includes('node_modules'))
    .join(delimiter);
  return (await command('/bin/sh', ['-c', `command -v ${program}`], { env: { PATH: path } })).trim();
}
