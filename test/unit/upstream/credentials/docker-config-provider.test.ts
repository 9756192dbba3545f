import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CredentialError } from '../../../../src/upstream/credentials/credential-error.ts';
import { DockerConfigProvider } from '../../../../src/upstream/credentials/docker-config-provider.ts';
import { TempFolder } from '../../../support/temp-folder.ts';
import { TestClock } from '../../../support/test-clock.ts';

let folder: TempFolder;
let file: string;

beforeEach(async () => {
  folder = await TempFolder.create();
  file = folder.join('config.json');
});

afterEach(() => folder.remove());

function providerOf(text?: string): DockerConfigProvider {
  return new DockerConfigProvider({
    file,
    text,
    clock: new TestClock(),
    logger: pino({ level: 'silent' }),
  });
}

function logins(host: string, password: string): string {
  return JSON.stringify({ auths: { [host]: { username: 'user', password } } });
}

function login(password: string) {
  return { username: 'user', password };
}

describe('DockerConfigProvider', () => {
  it('is anonymous where nobody has logged in', async () => {
    const provider = providerOf();
    expect(await provider.get('ghcr.io')).toBeUndefined();
    await writeFile(file, logins('quay.io', 'one'));
    expect(await provider.get('ghcr.io')).toBeUndefined();
  });

  it('notices each login and logout', async () => {
    const provider = providerOf();
    expect(await provider.get('ghcr.io')).toBeUndefined();
    await writeFile(file, logins('ghcr.io', 'one'));
    expect(await provider.get('ghcr.io')).toEqual(login('one'));
    // As Docker writes it: a file of the same size in place of the old one.
    await writeFile(`${file}.new`, logins('ghcr.io', 'two'));
    await rename(`${file}.new`, file);
    expect(await provider.get('ghcr.io')).toEqual(login('two'));
    await rm(file);
    expect(await provider.get('ghcr.io')).toBeUndefined();
  });

  it('fails while the file is broken, names it, and recovers with it', async () => {
    await writeFile(file, logins('ghcr.io', 'one'));
    const provider = providerOf();
    await provider.get('ghcr.io');
    await writeFile(file, '{"auths": {"ghcr.io": {"password": "s3cret"');
    const failure: unknown = await provider.get('ghcr.io').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CredentialError);
    expect(String(failure)).toContain(file);
    expect(String(failure)).not.toContain('s3cret');
    await writeFile(file, logins('ghcr.io', 'three'));
    expect(await provider.get('ghcr.io')).toEqual(login('three'));
  });

  it('fails for a file that is none, and names it', async () => {
    await mkdir(file);
    await expect(providerOf().get('ghcr.io')).rejects.toThrow(file);
  });

  it('fails for a file that is too long to be one', async () => {
    await writeFile(file, `${logins('ghcr.io', 'one')}${' '.repeat(1024 * 1024)}`);
    await expect(providerOf().get('ghcr.io')).rejects.toThrow('longer than 1024 KiB');
  });

  it('has DOCKER_AUTH_CONFIG before the file, for the hosts that are in it', async () => {
    await writeFile(file, JSON.stringify({ auths: { 'ghcr.io': login('file'), 'quay.io': login('file') } }));
    const provider = providerOf(logins('ghcr.io', 'text'));
    expect(await provider.get('ghcr.io')).toEqual(login('text'));
    expect(await provider.get('quay.io')).toEqual(login('file'));
  });

  it('fails for a broken DOCKER_AUTH_CONFIG, without quoting it', async () => {
    const failure: unknown = await providerOf('{"s3cret')
      .get('ghcr.io')
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CredentialError);
    expect(String(failure)).toContain('DOCKER_AUTH_CONFIG');
    expect(String(failure)).not.toContain('s3cret');
  });

  it.each(['../../bin/evil', '/bin/evil', 'a b', '$(id)', 'a;b', 'a\0b'])(
    'runs no helper with the name %j',
    async (name) => {
      await writeFile(file, JSON.stringify({ credHelpers: { 'ghcr.io': name } }));
      await expect(providerOf().get('ghcr.io')).rejects.toThrow('is not the name of a credential helper');
    },
  );
});
