import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Child } from '../support/child.ts';
import { eventually } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { bareEnvironment } from './support/bare-machine.ts';
import { command } from './support/command.ts';
import { answersRegistryApi } from './support/entrepot.ts';
import { showWhenFailed } from './support/logs.ts';
import { killProcessesIn } from './support/processes.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));

describe('a fresh clone, with nothing but Node.js, npm, a shell and coreutils', () => {
  const resources = new AsyncDisposableStack();
  let clone: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    const folder = resources.use(await TempFolder.create());
    resources.defer(async () => killProcessesIn(folder.path));
    clone = folder.join('clone');
    env = await bareEnvironment(folder);
    await command('git', ['clone', '--quiet', repository, clone]);
    await command('npm', ['ci'], { cwd: clone, env, ms: 240_000 });
  }, 300_000);

  afterAll(async () => resources.disposeAsync());

  test('npm start serves, says how to use it, and ends when it is asked to', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    await using entrepot = new Child('npm', ['start'], {
      cwd: clone,
      env: { ...env, REGISTRY_HTTP_ADDR: address },
    });
    showWhenFailed('npm start', entrepot);

    await eventually(60_000, 'npm start serves', async () => answersRegistryApi(`http://${address}`));
    expect(entrepot.output).toContain('"registry-mirrors"');

    // A shell between npm and Entrepot would keep the signal for itself, and leave Entrepot behind.
    entrepot.kill('SIGTERM');
    expect(await entrepot.exited()).toEqual({ code: 0, signal: null });
    expect(await answersRegistryApi(`http://${address}`)).toBe(false);
  });

  test('npm run build makes a program that runs', async () => {
    await command('npm', ['run', 'build'], { cwd: clone, env });
    const { version } = JSON.parse(await readFile(`${clone}/package.json`, 'utf8')) as { version: string };

    // By the package's Node.js: the machine's own may be too old for it, and is then told so.
    const program = ['exec', '--call', 'node dist/main.js --version'];
    const printed = await command('npm', program, { cwd: clone, env });
    expect(printed).toContain(version);

    const address = `127.0.0.1:${await freePort()}`;
    await using entrepot = new Child(process.execPath, ['dist/main.js', 'serve'], {
      cwd: clone,
      env: { ...env, REGISTRY_HTTP_ADDR: address },
    });
    showWhenFailed('the program that was built', entrepot);
    await eventually(60_000, 'it serves', async () => answersRegistryApi(`http://${address}`));
    entrepot.kill('SIGTERM');
    expect(await entrepot.exited()).toEqual({ code: 0, signal: null });
  });
});
