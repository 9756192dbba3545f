import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { describe, expect, it, test, vi } from 'vitest';
import type { ClientName } from '../../../../src/cli/setup/client-names.ts';
import { parseClientVersion, type ClientVersion } from '../../../../src/cli/setup/client-version.ts';
import { guides } from '../../../../src/cli/setup/clients/guides.ts';
import { installedVersions } from '../../../../src/cli/setup/installed-version.ts';
import { printGuide } from '../../../../src/cli/setup/print-guide.ts';
import { setup } from '../../../../src/cli/setup/setup.ts';
import { TempFolder } from '../../../support/temp-folder.ts';
import { aMirror } from './a-mirror.ts';

const old = 'capabilities = ["pull", "resolve"]';
const withReferrers = 'capabilities = ["pull", "resolve", "referrers"]';

describe('the version of a client', () => {
  test.each([
    ['29.1.3', { major: 29, minor: 1 }],
    ['v2.2.0', { major: 2, minor: 2 }],
    ['Docker version 20.10.24+dfsg1, build 5d6db84', { major: 20, minor: 10 }],
    ['containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3', { major: 1, minor: 6 }],
    ['containerd github.com/containerd/containerd/v2 v2.4.2 0e3c7a1b', { major: 2, minor: 4 }],
    ['29', undefined],
    ['dev', undefined],
    ['', undefined],
  ])('of %j is %j', (text, version) => {
    expect(parseClientVersion(text)).toEqual(version);
  });

  // containerd 2.2.0 was the first to know the word: core/remotes/docker/config/hosts.go in v2.1.9 and in
  // v2.2.0.
  test.each<[ClientName, string, string]>([
    ['docker', '28.5', old],
    ['docker', '29.0', old],
    ['docker', '29.1', withReferrers],
    ['docker', '30.0', withReferrers],
    ['containerd', '1.6', old],
    ['containerd', '2.1', old],
    ['containerd', '2.2', withReferrers],
    ['kind', '2.1', old],
    ['kind', '2.2', withReferrers],
    ['kubernetes', '2.1', old],
    ['kubernetes', '2.2', withReferrers],
  ])('decides what hosts.toml may say: %s %s', (client, text, expected) => {
    const printed = printGuide(guides[client].guide(aMirror(), parseClientVersion(text)));

    expect(printed.split('\n').flatMap((line) => /capabilities.*/u.exec(line)?.[0] ?? [])).toContain(
      expected,
    );
    expect(printed).not.toContain(expected === old ? withReferrers : old);
    expect(printed).toMatch(/every version of|older one passes over|does not know/u);
  });

  test.each<ClientName>(['docker', 'containerd', 'kind', 'kubernetes'])(
    'that is not known gives %s the file that all versions read, and says so',
    (client) => {
      const printed = printGuide(guides[client].guide(aMirror()));

      expect(printed).toContain(old);
      expect(printed).not.toContain(withReferrers);
      expect(printed).toMatch(/--client-version/u);
    },
  );
});

/** A folder in front of the path, with a program that prints that. */
async function program(name: string, prints: string): Promise<TempFolder> {
  const folder = await TempFolder.create();
  await writeFile(folder.join(name), `#!/bin/sh\n[ "$1" = --version ] && echo '${prints}'\n`);
  await chmod(folder.join(name), 0o755);
  vi.stubEnv('PATH', `${folder.path}:${process.env['PATH'] ?? ''}`);
  return folder;
}

describe('the version on this machine', () => {
  it('of containerd is what it prints', async () => {
    await using _folder = await program(
      'containerd',
      'containerd github.com/containerd/containerd/v2 v2.2.1 dea7da592f5d1d2b7755e3a161be07f43fad8f75',
    );
    expect(await installedVersions('/nowhere')('containerd')).toEqual({ major: 2, minor: 2 });
    vi.unstubAllEnvs();
  });

  it('of Docker is that of the daemon that runs, rather than of the program', async () => {
    await using folder = await program('dockerd', 'Docker version 29.5.0, build 1');
    const daemon = createServer((request, response) => {
      response.end(
        JSON.stringify({ Version: request.url === '/version' ? '28.3.1' : '', ApiVersion: '1.51' }),
      );
    });
    const socket = folder.join('docker.sock');
    await new Promise<void>((resolve) => void daemon.listen(socket, resolve));
    try {
      expect(await installedVersions(socket)('docker')).toEqual({ major: 28, minor: 3 });
    } finally {
      await new Promise((resolve) => daemon.close(resolve));
    }
    expect(await installedVersions(socket)('docker')).toEqual({ major: 29, minor: 5 });
    vi.unstubAllEnvs();
  });

  it('is not known where there is no such program', async () => {
    await using folder = await TempFolder.create();
    vi.stubEnv('PATH', folder.path);
    expect(await installedVersions('/nowhere')('docker')).toBeUndefined();
    expect(await installedVersions('/nowhere')('containerd')).toBeUndefined();
    vi.unstubAllEnvs();
  });
});

/** Runs setup on a machine with that version of the client. */
async function run(options: Parameters<typeof setup>[2], version: ClientVersion | undefined) {
  let out = '';
  let err = '';
  const terminal = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    interactive: false,
  };
  const asked: ClientName[] = [];
  const code = await setup('containerd', undefined, options, terminal, (client) => {
    asked.push(client);
    return Promise.resolve(version);
  });
  return { code, out, err, asked };
}

describe('setup with versions', () => {
  const mirror = 'http://mirror.lan:5000';
  const upstream = ['registry.k8s.io'];

  it('asks this machine where it would write to it, unless it is told', async () => {
    const options = { mirror, upstream, dryRun: true, root: '/' };

    const asked = await run(options, { major: 2, minor: 3 });
    expect(asked).toMatchObject({ code: 0, asked: ['containerd'] });
    expect(asked.out).toContain('"referrers"');
    const told = await run({ ...options, clientVersion: '1.7.30' }, { major: 2, minor: 3 });
    expect(told).toMatchObject({ code: 0, asked: [] });
    expect(told.out).not.toContain('"referrers"');
  });

  it('asks nobody where it prints, or prepares another root, and says after writing what it assumed', async () => {
    await using folder = await TempFolder.create();

    expect(await run({ mirror, root: '/' }, { major: 2, minor: 3 })).toMatchObject({ code: 0, asked: [] });
    const applied = await run({ mirror, apply: true, root: folder.path }, { major: 2, minor: 3 });
    expect(applied).toMatchObject({ code: 0, asked: [] });
    expect(applied.out).toMatch(/Good to know:[^]*every version of containerd/u);
  });

  it('refuses a version that says too little', async () => {
    expect(await run({ mirror, root: '/', clientVersion: '29' }, undefined)).toMatchObject({
      code: 2,
      out: '',
      err: 'entrepot: --client-version wants a version such as 29.1 or 2.2.0\n',
    });
  });
});
