import { once } from 'node:events';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { composeExaminers } from '../../src/cli/doctor/compose-examiners.ts';
import { doctor } from '../../src/cli/doctor/doctor.ts';
import { checkUpstreams } from '../../src/cli/doctor/upstreams-check.ts';
import { loadConfig } from '../../src/config/load.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { entrepot } from '../support/cli.ts';
import { EntrepotProcess } from '../support/entrepot-process.ts';
import { FakeHub, type FakeHubOptions } from '../support/fake-hub.ts';
import { FakeModelRegistry } from '../support/fake-model-registry.ts';
import { freePort } from '../support/free-port.ts';
import { makeImage } from '../support/image.ts';
import { selfSigned } from '../support/self-signed.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { scriptedServer } from './upstream/harness.ts';

const credentials = { username: 'ann', password: 'geheim-and-long' };

type Upstreams = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

let folder: TempFolder;
beforeEach(async () => {
  const mine = await TempFolder.create();
  folder = mine;
  return () => mine.remove();
});

async function configure(upstreams: Upstreams): Promise<string> {
  const file = folder.join('config.yml');
  const http = { addr: '127.0.0.1:0' };
  await writeFile(file, stringify({ version: 0.1, http, upstreams }));
  return file;
}

interface Report {
  readonly code: number;
  readonly text: string;
  /** `level message` of what is found about upstreams and the clock. */
  readonly upstream: readonly string[];
  readonly clock: readonly string[];
}

/** What the doctor says of a mirror of these. */
async function examined(upstreams: Upstreams): Promise<Report> {
  const source = { file: await configure(upstreams), environment: {}, directory: folder.path };
  let text = '';
  const terminal = { out: (more: string) => void (text += more), err: () => undefined, interactive: false };
  const code = await doctor(source, {}, terminal, systemClock());
  const of = (check: string): readonly string[] =>
    [...text.matchAll(new RegExp(`^(\\w+) +${check} +(.*)$`, 'gm'))].map(
      ([, level = '', message = '']) => `${level} ${message}`,
    );
  return { code, text, upstream: of('upstream'), clock: of('clock') };
}

/** A Docker Hub that shows what is left of the pulls. */
async function startHub(options: FakeHubOptions = {}): Promise<FakeHub> {
  const hub = await FakeHub.start({ rateLimit: { limit: 100, remaining: 76, window: 21_600 }, ...options });
  hub.addImage('ratelimitpreview/test', 'latest', makeImage());
  return hub;
}

describe('the doctor, of a mirror that is configured to be offline', () => {
  it('asks no registry, and says so', async () => {
    await using hub = await FakeHub.start();
    const file = await configure({ 'docker.io': { url: hub.url } });
    await writeFile(file, `${await readFile(file, 'utf8')}offline: true\n`);
    let out = '';
    const terminal = { out: (text: string) => void (out += text), err: () => undefined, interactive: false };

    await doctor({ file, environment: {}, directory: folder.path }, {}, terminal, systemClock());

    expect(out).toContain('the mirror is configured to be offline: no registry was asked');
    expect(hub.requests).toEqual([]);
  });
});

describe('the doctor, of a registry', () => {
  it('finds that all is well, and spends no pull on it', async () => {
    await using hub = await startHub();

    const { code, upstream, clock } = await examined({ 'docker.io': { url: hub.url } });

    expect(code).toBe(0);
    expect(upstream).toEqual([
      expect.stringMatching(/^ok docker\.io answers in \d+ ms, anonymous$/),
      expect.stringMatching(/^ok docker\.io 76 of 100 pulls left in 6 h/),
    ]);
    expect(clock).toEqual(['ok agrees with the registries']);
    expect(hub.pulls).toBe(0);
  });

  it('finds that its credentials are taken', async () => {
    await using hub = await startHub({ credentials });

    const { code, upstream, text } = await examined({ 'docker.io': { url: hub.url, ...credentials } });

    expect(code).toBe(0);
    expect(upstream[0]).toMatch(/^ok docker\.io answers in \d+ ms, and takes the credentials$/);
    expect(text).not.toContain(credentials.password);
  });

  it.each(['bearer', 'basic'] as const)('finds that its credentials are refused, with %s', async (auth) => {
    await using hub = await startHub({ credentials, auth });

    const { code, upstream, text } = await examined({
      'docker.io': { url: hub.url, username: 'ann', password: 'wrong-and-long' },
    });

    expect(code).toBe(1);
    expect(upstream[0]).toMatch(/^problem docker\.io answers in \d+ ms, but refuses the credentials$/);
    expect(text).not.toContain('wrong-and-long');
  });

  it('finds that it lets nobody in without a login', async () => {
    await using hub = await startHub({ credentials, auth: 'basic' });

    const { code, upstream } = await examined({ 'registry.test': { url: hub.url } });

    expect(code).toBe(0);
    expect(upstream).toEqual([
      expect.stringMatching(/^warning registry\.test answers in \d+ ms, but accepts nobody without a login$/),
    ]);
  });

  it('finds that a credential helper fails, and does not repeat what it said', async () => {
    await using hub = await startHub({ credentials });
    const helper = folder.join('docker-credential-broken');
    await writeFile(helper, '#!/bin/sh\necho geheim\nexit 3\n');
    await chmod(helper, 0o755);

    const { code, upstream, text } = await examined({
      'docker.io': { url: hub.url, credentials: `helper:${helper}` },
    });

    expect(code).toBe(1);
    expect(upstream[0]).toMatch(/^problem .*no credentials could be obtained: .*exit code 3$/);
    expect(text).not.toContain('geheim');
  });

  it.each([
    [{ kind: 'status', on: 'ping', status: 429 }, /^warning docker\.io answers 429/],
    [{ kind: 'status', on: 'ping', status: 503 }, /^problem docker\.io answers 503$/],
    [{ kind: 'status', on: 'ping', status: 404 }, /^problem docker\.io answers 404: no registry is there$/],
    [{ kind: 'status', on: 'token', status: 503 }, /^problem docker\.io .*but its token service: .*503/],
  ] as const)('judges %j', async (fault, finding) => {
    await using hub = await startHub();
    hub.fault(fault);

    expect((await examined({ 'docker.io': { url: hub.url } })).upstream[0]).toMatch(finding);
  });

  it('finds nothing wrong with a registry that has no /v2/, as Ollama’s', async () => {
    await using registry = await FakeModelRegistry.start();

    const { code, upstream } = await examined({ 'registry.ollama.ai': { url: registry.url } });

    expect(code).toBe(0);
    expect(upstream).toEqual(['ok registry.ollama.ai answers, though not at /v2/']);
  });

  it('finds that a web page answers in its place', async () => {
    await using portal = await scriptedServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<h1>Log in</h1>');
    });

    const { code, upstream } = await examined({ 'registry.test': { url: portal.url } });

    expect(code).toBe(1);
    expect(upstream).toEqual(['problem registry.test answers with a web page: no registry is there']);
  });

  it('finds nothing wrong with a registry whose /v2/ is a web page', async () => {
    await using registry = await scriptedServer((request, response) => {
      if (request.url === '/v2/') response.writeHead(200, { 'content-type': 'text/html' }).end('<p>v2');
      else response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
    });

    const { upstream } = await examined({ 'registry.test': { url: registry.url } });

    expect(upstream).toEqual(['ok registry.test answers, though not at /v2/']);
  });

  it('finds that it speaks TLS where its URL has plain HTTP, and says how to write it', async () => {
    const registry = createServer(selfSigned, (_, response) => void response.end('{}'));
    registry.listen(0, '127.0.0.1');
    await once(registry, 'listening');

    const port = (registry.address() as AddressInfo).port;
    const { text } = await examined({ 'registry.test': { url: `http://127.0.0.1:${port}` } });
    registry.close();

    expect(text).toMatch(/^ +see that the port is right; if it speaks TLS, write its `url` with https:/m);
  });

  it.each([
    ['few pulls are left', { remaining: 9 }, undefined, /^warning docker\.io 9 of 100 pulls left in 6 h/],
    ['no pulls are left', { remaining: 0 }, 429, /^warning docker\.io no pulls are left$/],
  ])('warns that %s', async (_, state, status, finding) => {
    await using hub = await startHub({ rateLimit: { limit: 100, window: 21_600, ...state } });
    if (status !== undefined) hub.fault({ kind: 'status', on: 'manifest', status });

    const { code, upstream } = await examined({ 'docker.io': { url: hub.url } });

    expect(code).toBe(0);
    expect(upstream[1]).toMatch(finding);
  });

  it.each([
    ['behind', 3_600_000],
    ['ahead of', -3_600_000],
  ])('finds that the clock here is an hour %s', async (direction, ms) => {
    await using hub = await startHub();
    const date = new Date(Date.now() + ms).toUTCString();
    hub.fault({ kind: 'status', on: 'ping', status: 200, headers: { date } });

    const { code, clock } = await examined({ 'docker.io': { url: hub.url } });

    expect(code).toBe(1);
    expect(clock).toEqual([
      expect.stringMatching(new RegExp(`^problem \\d+ s ${direction} the registries$`)),
    ]);
  });

  it('sums up that no registry can be reached', async () => {
    const [one, two] = [await freePort(), await freePort()];

    const { code, upstream, clock } = await examined({
      'docker.io': { url: `http://127.0.0.1:${one}` },
      'ghcr.io': { url: `http://127.0.0.1:${two}` },
    });

    expect(code).toBe(1);
    expect(upstream).toEqual([
      `problem no registry can be reached: docker.io 127.0.0.1:${one}: the connection was refused, and 1 more`,
    ]);
    expect(clock).toEqual(['ok no registry to compare it with']);
  });

  it('names those that cannot be reached while another can, one by one', async () => {
    await using hub = await startHub();
    const port = await freePort();

    const { upstream } = await examined({
      'docker.io': { url: hub.url },
      'ghcr.io': { url: [hub.url, `http://127.0.0.1:${port}`] },
    });

    expect(upstream).toEqual([
      expect.stringMatching(/^ok docker\.io answers/),
      expect.stringMatching(/^ok docker\.io 76 of 100/),
      expect.stringMatching(/^ok ghcr\.io answers/),
      `problem ghcr.io 127.0.0.1:${port}: the connection was refused`,
    ]);
  });

  it('finds that it does not answer in time', async () => {
    await using hub = await startHub();
    hub.fault({ kind: 'hang', on: 'ping' });
    const file = await configure({ 'docker.io': { url: hub.url } });
    const { config } = loadConfig({ file, environment: {}, directory: folder.path });
    await using examiners = composeExaminers(config, systemClock(), 60_000);
    const overdue = new AbortController();

    const diagnoses = examiners.examine(overdue.signal);
    await hub.received({ server: 'registry' }, 1, 20_000);
    overdue.abort();

    expect(checkUpstreams(await diagnoses)).toMatchObject([
      {
        level: 'problem',
        message: `no registry can be reached: docker.io ${new URL(hub.url).host}: no answer in time`,
      },
    ]);
  });

  it('finds a proxy that cannot be reached, and does not show the login for it', async () => {
    const port = await freePort();

    const { upstream, text } = await examined({
      'registry.test': { url: 'http://192.0.2.1', proxy: `http://ann:geheim@127.0.0.1:${port}` },
    });

    expect(upstream[0]).toContain(`through the proxy 127.0.0.1:${port}`);
    expect(text).not.toContain('geheim');
  });

  it('finds that its token service is at an address that must be named, and says how', async () => {
    await using service = await scriptedServer(
      (_, response) => response.end('{"token":"good"}'),
      '127.0.0.3',
    );
    await using registry = await scriptedServer((request, response) => {
      const status = request.headers.authorization === 'Bearer good' ? 200 : 401;
      response.writeHead(status, { 'www-authenticate': `Bearer realm="${service.url}/token"` }).end('{}');
    });
    const settings = { url: registry.url, username: 'ann', password: 'secret' };

    const refused = await examined({ 'registry.test': settings });
    const named = await examined({ 'registry.test': { ...settings, redirects: '127.0.0.3' } });

    expect(refused.upstream[0]).toMatch(
      /^problem registry\.test .*names a realm without TLS at 127\.0\.0\.3:\d+$/,
    );
    expect(refused.text).toMatch(/^ +if that is right, name it in the `redirects` of this upstream$/m);
    expect(service.requests).toHaveLength(1);
    expect(named.upstream[0]).toMatch(/^ok registry\.test .* and takes the credentials$/);
  });

  it('finds that its certificate is of an unknown authority, until that is named', async () => {
    const registry = createServer(selfSigned, (_, response) => void response.end('{}'));
    registry.listen(0, '127.0.0.1');
    await once(registry, 'listening');
    const url = `https://127.0.0.1:${(registry.address() as AddressInfo).port}`;
    await writeFile(folder.join('ca.pem'), selfSigned.cert);

    const untrusted = await examined({ 'registry.test': { url } });
    const trusted = await examined({ 'registry.test': { url, ca: folder.join('ca.pem') } });
    registry.closeAllConnections();
    registry.close();

    expect(untrusted.upstream[0]).toMatch(/^problem registry\.test .*SELF_SIGNED/);
    expect(untrusted.text).toContain('name the authority that signed its certificate');
    expect(trusted.upstream[0]).toMatch(/^ok registry\.test answers in \d+ ms, and wants no login$/);
  });
});

describe('entrepot doctor', () => {
  it('says that a configuration cannot be used, and exits 1', async () => {
    await writeFile(folder.join('bad.yml'), 'version: 0.1\nproxy: { ttl: soon }\nlog: { level: loud }\n');
    await using child = entrepot(['doctor', 'bad.yml'], folder.path);

    expect(await child.exited()).toEqual({ code: 1, signal: null });
    expect(child.stdout).toMatch(/^problem {2}configuration {2}bad\.yml:2:10: proxy\.ttl/m);
    expect(child.stdout).toMatch(/^2 problems, no warnings$/m);
  });

  it('finds the mirror that runs with the configuration, and leaves it alone', async () => {
    await using hub = await startHub();
    await using mirror = await EntrepotProcess.start({ remoteUrl: hub.url });
    const variables = { REGISTRY_HTTP_ADDR: new URL(mirror.url).host, REGISTRY_PROXY_REMOTEURL: hub.url };
    await using child = entrepot(['doctor', '--json'], folder.path, {
      ...variables,
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: mirror.data,
    });

    expect(await child.exited()).toEqual({ code: 0, signal: null });

    const { findings } = JSON.parse(child.stdout) as {
      findings: { level: string; check: string; message: string }[];
    };
    const of = (check: string) => findings.find((finding) => finding.check === check);
    expect(of('port')?.message).toContain('Entrepot is running there');
    expect(of('metadata')).toMatchObject({ level: 'ok' });
    expect((await fetch(`${mirror.url}/v2/`)).status).toBe(200);
  });
});
