import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { within } from '../support/deadline.ts';
import { TempFolder } from '../support/temp-folder.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

it.each(['000', '077'])('setup tls keeps keys secret and certificates open under umask %s', async (umask) => {
  await using folder = await TempFolder.create();
  const child = spawn(
    'sh',
    [
      '-c',
      `umask ${umask} && exec "$0" "$1" setup tls --host mirror.lan --out made/tls`,
      process.execPath,
      main,
    ],
    { cwd: folder.path, stdio: ['ignore', 'ignore', 'inherit'] },
  );

  expect(await within(60_000, 'the end', once(child, 'exit'))).toEqual([0, null]);

  const modes: Record<string, string> = {};
  for (const name of ['.', ...(await readdir(folder.join('made', 'tls')))]) {
    modes[name] = ((await stat(folder.join('made', 'tls', name))).mode & 0o777).toString(8);
  }
  expect(modes).toEqual({
    '.': '755',
    'ca.crt': '644',
    'ca.key': '600',
    'server.crt': '644',
    'server.key': '600',
  });
});
