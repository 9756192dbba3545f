import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { hashSync } from 'bcryptjs';
import { describe, expect, it } from 'vitest';
import { entrepot } from '../support/cli.ts';
import { writeConfigurationFile } from '../support/configuration-file.ts';
import { within } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { selfSigned } from '../support/self-signed.ts';
import { TempFolder } from '../support/temp-folder.ts';

const anyPort = { REGISTRY_HTTP_ADDR: '127.0.0.1:0' };

const { privateKey: otherKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

describe('the process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('serves until %s, and then exits 0', async (signal) => {
    await using folder = await TempFolder.create();
    await using child = entrepot(['serve'], folder.path, anyPort);
    const [, url = ''] = await child.waitFor(/listening on {2}(http:\S+)/);

    const response = await fetch(`${url}/v2/`);
    await response.text();
    child.kill(signal);

    expect(response.status).toBe(200);
    expect(await child.exited()).toEqual({ code: 0, signal: null });
    expect(child.stdout).toMatch(/storing in .*data\n/);
    expect(child.stdout).toMatch(/stopped\n$/);
    expect(child.stderr).toBe('');
  });

  it('exits at once on a second signal, though a request is under way', async () => {
    await using folder = await TempFolder.create();
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    await using child = entrepot(['serve'], folder.path, {
      ...anyPort,
      REGISTRY_HTTP_DRAINTIMEOUT: '1h',
      REGISTRY_PROXY_TIMEOUTS_HEADER: '1h',
      REGISTRY_PROXY_REMOTEURL: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
    });
    const [, url = ''] = await child.waitFor(/listening on {2}(http:\S+)/);
    const digest = `sha256:${'0'.repeat(64)}`;
    const pull = fetch(`${url}/v2/library/x/blobs/${digest}`).catch(() => undefined);
    await within(60_000, 'the question to upstream', once(silent, 'connection'));

    child.kill('SIGTERM');
    await child.waitFor(/a second signal stops at once/);
    child.kill('SIGTERM');

    expect(await child.exited()).toEqual({ code: 143, signal: null });
    await pull;
    silent.close();
  });

  it('makes a damaged lock file anew, and tells the truth while another one holds it', async () => {
    await using folder = await TempFolder.create();
    await mkdir(folder.join('data'));
    const lock = folder.join('data', 'lock.sqlite');
    const damage = async (): Promise<void> => writeFile(lock, 'not a database'.repeat(100));
    await damage();

    await using first = entrepot(['serve'], folder.path, anyPort);
    await first.waitFor(/the lock file was damaged and no process held it; it was emptied/);
    await first.waitFor(/listening on/);
    await damage();
    await using second = entrepot(['serve'], folder.path, anyPort);
    expect(await second.exited()).toEqual({ code: 1, signal: null });
    expect(second.stderr).toMatch(/^entrepot: another entrepot uses the data folder .*data: stop it.*\n$/);
    expect((await readFile(lock, 'utf8')).length).toBeGreaterThan(0);
  });

  it('refuses a folder that another one uses, and takes it over from one that was killed', async () => {
    await using folder = await TempFolder.create();
    await using first = entrepot(['serve'], folder.path, anyPort);
    await first.waitFor(/listening on/);

    await using second = entrepot(['serve'], folder.path, anyPort);
    expect(await second.exited()).toEqual({ code: 1, signal: null });
    expect(second.stderr).toMatch(/^entrepot: another entrepot uses the data folder .*data: stop it.*\n$/);
    first.kill('SIGKILL');
    await first.exited();

    await using third = entrepot(['serve'], folder.path, anyPort);
    await third.waitFor(/listening on/);
    expect(third.running).toBe(true);
  });

  it('says in one line that its port is taken, and exits 1', async () => {
    await using folder = await TempFolder.create();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await using child = entrepot(['serve'], folder.path, { REGISTRY_HTTP_ADDR: `127.0.0.1:${port}` });

    expect(await child.exited()).toEqual({ code: 1, signal: null });
    expect(child.output).toBe(
      `entrepot: port ${port} on 127.0.0.1 is taken: stop what listens there, or choose another http.addr\n`,
    );
    other.close();
  });

  it.each([
    [
      'upstreams.ghcr.io.listen',
      (addr: string) => `upstreams: { docker.io: , ghcr.io: { listen: "${addr}" } }`,
    ],
    [
      'http.public.addr',
      (addr: string) =>
        `http: { addr: "127.0.0.1:0", public: { addr: "${addr}" } }\nauth: { passthrough: true }`,
    ],
  ])('says which of its addresses is taken: %s', async (key, section) => {
    await using folder = await TempFolder.create();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await writeFile(folder.join('config.yml'), `version: 0.1\n${section(`127.0.0.1:${port}`)}\n`);
    await using child = entrepot(['serve', 'config.yml'], folder.path, anyPort);

    expect(await child.exited()).toEqual({ code: 1, signal: null });
    expect(child.output).toBe(
      `entrepot: port ${port} on 127.0.0.1 is taken: stop what listens there, or choose another ${key}\n`,
    );
    other.close();
  });

  it.each([
    ['is of another certificate', otherKey.export({ type: 'pkcs8', format: 'pem' }), 'the key is not that'],
    [
      'has a passphrase',
      otherKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'geheim' }),
      'the key has a passphrase',
    ],
    ['is none', 'nonsense', 'the key is not PEM'],
  ])('says in one line that its TLS key %s, and exits 1', async (_, key, reason) => {
    await using folder = await TempFolder.create();
    await writeFile(folder.join('mirror.crt'), selfSigned.cert);
    await writeFile(folder.join('mirror.key'), key);
    await using child = entrepot(['serve'], folder.path, {
      ...anyPort,
      REGISTRY_HTTP_TLS: '{ certificate: mirror.crt, key: mirror.key }',
    });

    expect(await child.exited()).toEqual({ code: 1, signal: null });
    expect(child.output).toMatch(
      new RegExp(`^entrepot: http.tls.certificate and http.tls.key cannot be used: ${reason}.*\\n$`),
    );
  });

  it('says in one line that it cannot store, and exits 1', async () => {
    await using folder = await TempFolder.create();
    await writeFile(folder.join('file'), '');
    await using child = entrepot(['serve'], folder.path, {
      ...anyPort,
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: './file/data',
    });

    expect(await child.exited()).toEqual({ code: 1, signal: null });
    expect(child.output).toMatch(/^entrepot: the data folder .*file\/data cannot be used: .*\n$/);
  });

  it('starts nothing with a configuration that is wrong, and exits 2', async () => {
    await using folder = await TempFolder.create();
    await writeFile(folder.join('c.yml'), 'version: 0.1\nproxy: { remoteULR: x }\n');
    await using child = entrepot(['serve', 'c.yml'], folder.path, anyPort);

    expect(await child.exited()).toEqual({ code: 2, signal: null });
    expect(child.output).toBe('c.yml:2:10: proxy.remoteULR: unknown key, did you mean proxy.remoteurl?\n');
  });

  it('says with JSON logs in one line of JSON that it is ready', async () => {
    await using folder = await TempFolder.create();
    await using child = entrepot(['serve'], folder.path, { ...anyPort, REGISTRY_LOG_FORMATTER: 'json' });

    await child.waitFor(/"msg":"ready"/);
    child.kill('SIGTERM');
    await child.exited();

    const lines = child.stdout
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'ready', storage: folder.join('data') }));
  });
});

describe('entrepot health', () => {
  it('tells a mirror that runs from one that does not', async () => {
    await using folder = await TempFolder.create();
    const variables = { REGISTRY_HTTP_ADDR: `127.0.0.1:${await freePort()}` };
    await using server = entrepot(['serve'], folder.path, variables);
    await server.waitFor(/listening on/);

    await using alive = entrepot(['health'], folder.path, variables);
    expect(await alive.exited()).toEqual({ code: 0, signal: null });

    await server.stop();
    await using dead = entrepot(['health'], folder.path, variables);
    expect(await dead.exited()).toEqual({ code: 1, signal: null });
    expect(dead.stderr).toBe(
      'entrepot: no answer: the connection was refused, so that nothing listens at http.addr\n',
    );
  });

  it('says that what listens speaks no TLS', async () => {
    await using folder = await TempFolder.create();
    await writeFile(folder.join('mirror.crt'), selfSigned.cert);
    await writeFile(folder.join('mirror.key'), selfSigned.key);
    const variables = { REGISTRY_HTTP_ADDR: `127.0.0.1:${await freePort()}` };
    await using server = entrepot(['serve'], folder.path, variables);
    await server.waitFor(/listening on/);

    await using asked = entrepot(['health'], folder.path, {
      ...variables,
      REGISTRY_HTTP_TLS: '{ certificate: mirror.crt, key: mirror.key }',
    });

    expect(await asked.exited()).toEqual({ code: 1, signal: null });
    expect(asked.stderr).toBe('entrepot: no answer: what listens at http.addr does not speak TLS\n');
  });

  it.each([
    ['TLS', { certificate: 'mirror.crt', key: 'mirror.key' }],
    [
      'TLS that wants certificates of clients',
      { certificate: 'mirror.crt', key: 'mirror.key', clientcas: ['mirror.crt'] },
    ],
  ])('needs no login, and can do with %s', async (_, tls) => {
    await using folder = await TempFolder.create();
    await writeFile(folder.join('mirror.crt'), selfSigned.cert);
    await writeFile(folder.join('mirror.key'), selfSigned.key);
    await writeFile(folder.join('htpasswd'), `ann:${hashSync('geheim', 4)}\n`);
    await writeConfigurationFile(folder, {
      log: { formatter: 'text' },
      http: { addr: `127.0.0.1:${await freePort()}`, tls },
      auth: { htpasswd: { path: 'htpasswd' } },
      access: { anonymous: 'deny' },
    });
    await using server = entrepot(['serve', 'config.yml'], folder.path);
    await server.waitFor(/listening on/);

    await using alive = entrepot(['health', 'config.yml'], folder.path);
    expect(await alive.exited()).toEqual({ code: 0, signal: null });

    await server.stop();
    await using dead = entrepot(['health', 'config.yml'], folder.path);
    expect(await dead.exited()).toEqual({ code: 1, signal: null });
  });
});
