import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CredentialError } from '../../../src/upstream/credentials/credential-error.ts';
import { createCredentialProvider } from '../../../src/upstream/credentials/create-credential-provider.ts';
import { isHelperProgram } from '../../../src/upstream/credentials/credential-source.ts';
import { helperProgram } from '../../../src/upstream/credentials/helper-program.ts';
import type { Helper } from '../../../src/upstream/credentials/helper-provider.ts';
import { FakeHelper } from '../../support/fake-helper.ts';
import { logLines } from '../../support/log-lines.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { TestClock } from '../../support/test-clock.ts';
import { everythingIn } from './harness.ts';

let folder: TempFolder;
let clock: TestClock;
let helper: FakeHelper;
let program: Helper;

beforeEach(async () => {
  folder = await TempFolder.create();
  clock = new TestClock();
  helper = await FakeHelper.create(folder);
  program = helperProgram(helper.program, clock);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await folder.remove();
});

async function failureOf(promise: Promise<unknown>): Promise<CredentialError> {
  const outcome: unknown = await promise.catch((error: unknown) => error);
  if (outcome instanceof CredentialError) return outcome;
  throw new Error('there was no CredentialError', { cause: outcome });
}

/** Waits until a file of the helper's is there. */
async function contentOf(path: string): Promise<string> {
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text.endsWith('\n')) return text.trim();
    await sleep(5);
  }
}

/** Waits until no process has this id. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    // A killed process that nobody has waited for yet still has an id, in state Z.
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    if (state === undefined || / Z /.test(state)) return;
    await sleep(5);
  }
}

describe('a credential helper', () => {
  it('is run with get, and is given the server exactly as Docker gives it', async () => {
    await helper.gives('AWS', 'pass:word');
    expect(await program.get('https://index.docker.io/v1/')).toEqual({
      username: 'AWS',
      password: 'pass:word',
    });
    expect(await helper.asked()).toEqual(['get|https://index.docker.io/v1/']);
  });

  it('gives an identity token under the user name <token>', async () => {
    await helper.gives('<token>', 'refresh-me');
    expect(await program.get('example.azurecr.io')).toEqual({ identityToken: 'refresh-me' });
  });

  it('has no credentials when it says so in the words agreed on', async () => {
    await helper.says('credentials not found in native keychain\n', 1);
    expect(await program.get('ghcr.io')).toBeUndefined();
  });

  it('need not read what it is given', async () => {
    await writeFile(helper.program, '#!/bin/sh\nexec <&-\necho \'{"Username":"a","Secret":"b"}\'\n');
    expect(await program.get('x'.repeat(1024 * 1024))).toEqual({ username: 'a', password: 'b' });
  });

  it.each([
    ['s3cret: no such key', 1],
    ['{"Username": "a", "Secret": "s3cret"}', 3],
    ['credentials not found in native keychain, but s3cret', 1],
    ['s3cret', 0],
    ['{"Username": "s3cret"}', 0],
    ['{"Username": "a", "Secret": ["s3cret"]}', 0],
    ['', 0],
  ])('that says %j with exit code %i fails, and is not quoted', async (text, exitCode) => {
    await helper.says(text, exitCode, 's3cret on standard error');
    const { logger, lines } = logLines('trace');
    const source = { kind: 'helper', program: helper.program, lifetimeMs: 1000 } as const;
    const failure = await failureOf(createCredentialProvider(source, { clock, logger }).get('ghcr.io'));
    expect(failure.message).toContain(helper.program);
    expect(lines).toHaveLength(1);
    expect(everythingIn(failure) + JSON.stringify(lines)).not.toContain('s3cret');
  });

  it('that is not there fails', async () => {
    const missing = helperProgram(folder.join('docker-credential-missing'), clock);
    expect((await failureOf(missing.get('ghcr.io'))).message).toContain('could not be run (ENOENT)');
  });

  it('that never ends is killed after ten seconds, with all that it has started', async () => {
    const children = folder.join('children');
    await helper.becomes(`sleep 1000 & echo $$ $! > '${children}'; wait`);
    const failure = failureOf(program.get('ghcr.io'));
    const pids = (await contentOf(children)).split(' ').map(Number);
    await clock.advance(10_000);
    expect((await failure).message).toContain('did not end within 10 s');
    expect(pids).toHaveLength(2);
    for (const pid of pids) await gone(pid);
    expect(clock.sleeping).toBe(0);
  });

  it('that writes without end is killed', async () => {
    await helper.becomes('exec yes s3cret');
    const { message } = await failureOf(program.get('ghcr.io'));
    expect(message).toContain('wrote more than 64 KiB');
    expect(message).not.toContain('s3cret');
  });

  it('leaves no time limit behind', async () => {
    await helper.gives('a', 'b');
    await program.get('ghcr.io');
    expect(clock.sleeping).toBe(0);
  });

  it('is looked for in PATH, and no shell sees its name or the server', async () => {
    await helper.gives('a', 'b');
    vi.stubEnv('PATH', `${folder.path}:${process.env['PATH'] ?? ''}`);
    const { logger } = logLines();
    const provider = createCredentialProvider(
      { kind: 'docker-config', file: undefined, text: '{"credsStore":"fake"}' },
      { clock, logger },
    );
    expect(await provider.get('$(id);x')).toEqual({ username: 'a', password: 'b' });
    expect(await helper.asked()).toEqual(['get|$(id);x']);
  });

  it('named in config.json comes before the logins in it, which come in when it has none', async () => {
    vi.stubEnv('PATH', `${folder.path}:${process.env['PATH'] ?? ''}`);
    const text = JSON.stringify({
      credHelpers: { 'ghcr.io': 'fake' },
      credsStore: 'missing',
      auths: { 'ghcr.io': { username: 'a', password: 'file' } },
    });
    const provider = createCredentialProvider(
      { kind: 'docker-config', file: undefined, text },
      { clock, logger: logLines().logger },
    );
    await helper.gives('a', 'helper');
    expect(await provider.get('ghcr.io')).toEqual({ username: 'a', password: 'helper' });
    await expect(provider.get('quay.io')).rejects.toThrow('docker-credential-missing could not be run');
    await helper.says('credentials not found in native keychain', 1);
    expect(await provider.get('ghcr.io')).toEqual({ username: 'a', password: 'helper' });
    provider.refused?.('ghcr.io');
    expect(await provider.get('ghcr.io')).toEqual({ username: 'a', password: 'file' });
  });

  it.each([
    ['docker-credential-ecr-login', true],
    ['/usr/local/bin/helper', true],
    ['./helper', false],
    ['../helper', false],
    ['bin/helper', false],
    ['-rf', false],
    ['helper --option', false],
    ['', false],
    ['..', false],
    ['/bin/helper\0', false],
  ])('may be called %j: %s', (name, allowed) => {
    expect(isHelperProgram(name)).toBe(allowed);
    const create = () => helperProgram(name, clock);
    if (allowed) expect(create).not.toThrow();
    else expect(create).toThrow(CredentialError);
  });
});
