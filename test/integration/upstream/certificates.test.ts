import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer, type ServerOptions } from 'node:https';
import { beforeAll, describe, expect, it } from 'vitest';
import { Authorities } from '../../../src/upstream/authorities.ts';
import { TestCertificate, type CertificateOptions } from '../../support/certificates.ts';
import { ConfigFolder } from '../../support/config-folder.ts';
import { FakeProxy } from '../../support/fake-proxy.ts';
import { TestEntrepot } from '../../support/test-entrepot.ts';
import { close, listen } from '../../support/local-server.ts';
import { clientOf, failureOf, repositoryName, scriptedServer, tagReference } from './harness.ts';
import type { ClientOptions } from './harness.ts';

const busybox = repositoryName('library/busybox');
const latest = tagReference('latest');

interface TlsServer extends AsyncDisposable {
  readonly url: string;
  /** How many connections there were. */
  readonly connections: () => number;
}

async function tlsServer(options: ServerOptions): Promise<TlsServer> {
  let connections = 0;
  const server = createServer(options, (_, response) => response.end('{}'));
  server.on('connection', () => (connections += 1));
  return {
    url: `https://${await listen(server)}`,
    connections: () => connections,
    [Symbol.asyncDispose]: () => close(server),
  };
}

/** A server's certificate with the others that it sends. */
function shown(certificate: TestCertificate, ...others: readonly TestCertificate[]): ServerOptions {
  return { cert: [certificate, ...others].map(({ pem }) => pem).join('\n'), key: certificate.keyPem };
}

async function pull(url: string, options: ClientOptions): Promise<string> {
  await using client = clientOf(url, options);
  return (await client.registry.getManifest(busybox, latest)).bytes.toString();
}

async function refusal(url: string, options: ClientOptions): Promise<string> {
  await using client = clientOf(url, options);
  const { kind, message } = await failureOf(client.registry.getManifest(busybox, latest));
  expect(kind).toBe('unavailable');
  return message;
}

let root: TestCertificate;
let intermediate: TestCertificate;
let server: TestCertificate;

async function issue(options: Partial<CertificateOptions> = {}): Promise<TestCertificate> {
  return TestCertificate.create({ name: 'server', addresses: ['127.0.0.1'], issuer: root, ...options });
}

beforeAll(async () => {
  root = await TestCertificate.create({ name: 'root', authority: true });
  intermediate = await TestCertificate.create({ name: 'intermediate', authority: true, issuer: root });
  server = await issue({ issuer: intermediate });
});

describe('the ca of an upstream', () => {
  // Whatever stands in it is trusted, as in the pools of Go, docker and registry:2.
  it.each([
    ['the root', () => shown(server, intermediate), () => root],
    ['the intermediate', () => shown(server, intermediate), () => intermediate],
    ['the intermediate, which is not sent', () => shown(server), () => intermediate],
    ["the server's own certificate", () => shown(server), () => server],
    ["the server's own certificate, and others are sent", () => shown(server, intermediate), () => server],
  ])('may name %s', async (_, options, ca) => {
    await using registry = await tlsServer(options());
    expect(await pull(registry.url, { ca: ca().pem })).toBe('{}');
    await using proxy = await FakeProxy.start();
    const settings = { http: proxy.url, https: proxy.url, noProxy: '', forLoopback: true };
    expect(await pull(registry.url, { ca: ca().pem, proxy: settings })).toBe('{}');
    expect(proxy.requests).toHaveLength(1);
  });

  it("does not make the server's own certificate good for another name, or for ever", async () => {
    const elsewhere = await issue({ addresses: ['127.0.0.9'] });
    const expired = await issue({ notAfter: new Date(Date.UTC(2021, 0, 1)) });
    for (const [certificate, code] of [
      [elsewhere, 'ERR_TLS_CERT_ALTNAME_INVALID'],
      [expired, 'CERT_HAS_EXPIRED'],
    ] as const) {
      await using registry = await tlsServer(shown(certificate));
      expect(await refusal(registry.url, { ca: certificate.pem })).toContain(code);
    }
  });
});

describe('the authorities of the system', () => {
  it.each(['SSL_CERT_FILE', 'SSL_CERT_DIR', 'both'])(
    'are trusted where %s says they are',
    async (variable) => {
      await using registry = await tlsServer(shown(server, intermediate));
      await using folder = await ConfigFolder.create({ 'root.pem': `# the company\n${root.pem}\n` });
      await mkdir(`${folder.path}/certs`);
      await writeFile(`${folder.path}/certs/other.pem`, server.pem.slice(0, 200));
      await writeFile(
        `${folder.path}/certs/nonsense.pem`,
        '-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n',
      );
      if (variable !== 'SSL_CERT_FILE') await symlink('../root.pem', `${folder.path}/certs/company.pem`);
      await symlink('company.pem', `${folder.path}/certs/1a2b3c4d.0`);
      const { config, warnings } = folder.loadEnvironment({
        ...(variable === 'SSL_CERT_DIR' ? {} : { SSL_CERT_FILE: 'root.pem' }),
        ...(variable === 'SSL_CERT_FILE' ? {} : { SSL_CERT_DIR: `/nowhere::${folder.path}/certs` }),
      });
      expect(warnings).toEqual([]);
      const loaded = await Authorities.load(config.systemStores);
      const authorities = (): Promise<Authorities> => Promise.resolve(loaded);
      expect(await pull(registry.url, { authorities })).toBe('{}');
      // What an upstream is configured with is trusted besides.
      const own = await TestCertificate.create({ name: 'own', authority: true });
      expect(await pull(registry.url, { authorities, ca: own.pem })).toBe('{}');
      expect(await refusal(registry.url, {})).toContain('UNABLE_TO_GET_ISSUER_CERT_LOCALLY');
    },
  );

  it('are those of the first bundle that can be read', async () => {
    await using registry = await tlsServer(shown(server, intermediate));
    await using folder = await ConfigFolder.create({ 'first.pem': server.pem, 'second.pem': root.pem });
    const inOrder =
      (...files: readonly string[]) =>
      (): Promise<Authorities> =>
        Authorities.load({ files: files.map((file) => `${folder.path}/${file}`), directories: [] });
    expect(await pull(registry.url, { authorities: inOrder('none.pem', 'second.pem') })).toBe('{}');
    await using other = await tlsServer(shown(await issue({}), root));
    expect(await refusal(other.url, { authorities: inOrder('first.pem', 'second.pem') })).toContain(
      'SELF_SIGNED_CERT_IN_CHAIN',
    );
  });

  it('are those that a mirror asks its upstreams with', async () => {
    await using registry = await tlsServer(shown(server, intermediate));
    await using folder = await ConfigFolder.create({ 'root.pem': root.pem });
    const files = [`${folder.path}/root.pem`];
    await using entrepot = await TestEntrepot.start({
      upstream: registry.url,
      systemStores: { files, directories: [] },
    });
    await using stranger = await TestEntrepot.start({ upstream: registry.url });
    const pulled = async ({ url }: TestEntrepot): Promise<string> =>
      (await fetch(`${url}/v2/library/busybox/tags/list`)).text();
    expect(JSON.parse(await pulled(entrepot))).toMatchObject({ name: 'library/busybox' });
    expect(await pulled(stranger)).toContain('name the authority that signed its certificate');
  });

  it('are read in vain from a file that is not there, which is said at the start', async () => {
    await using folder = await ConfigFolder.create();
    const { warnings } = folder.loadEnvironment({ SSL_CERT_FILE: 'nowhere.pem' });
    expect(warnings.join('\n').replaceAll(folder.path, '')).toBe(
      'SSL_CERT_FILE: /nowhere.pem does not exist; no authority is read from it',
    );
  });
});

describe('a certificate', () => {
  it.each([
    [
      'that has expired',
      () => issue({ notAfter: new Date(Date.UTC(2021, 0, 1)) }),
      'its certificate, or one that signed it, has expired (CERT_HAS_EXPIRED); have it renewed, unless the clock',
    ],
    [
      'that is not valid yet',
      () => issue({ notBefore: new Date(Date.UTC(2099, 0, 1)) }),
      'is not valid yet (CERT_NOT_YET_VALID); the clock of this machine',
    ],
    [
      'for another name',
      () => issue({ addresses: ['127.0.0.9'] }),
      'is for another name (IP Address:127.0.0.9) (ERR_TLS_CERT_ALTNAME_INVALID); see that its URL',
    ],
    [
      'without a name',
      () => issue({ addresses: [] }),
      'is for another name (ERR_TLS_CERT_ALTNAME_INVALID); see that its URL',
    ],
    [
      'whose intermediate is not sent',
      () => issue({ issuer: intermediate }),
      'leaves out intermediate certificates (UNABLE_TO_GET_ISSUER_CERT_LOCALLY); name the authority that signed its certificate, or the intermediate, in the `ca`',
    ],
    [
      'signed by itself',
      () => TestCertificate.create({ name: 'self', addresses: ['127.0.0.1'] }),
      'is signed by itself (DEPTH_ZERO_SELF_SIGNED_CERT); if it is the right one, name',
    ],
    [
      'of another authority that has the same name',
      async () => issue({ issuer: await TestCertificate.create({ name: 'root', authority: true }) }),
      'is not signed by the authority that it names (CERT_SIGNATURE_FAILURE); see that `ca`',
    ],
  ])('%s is refused in words that say what to do', async (_, certificate, words) => {
    await using registry = await tlsServer(shown(await certificate()));
    const message = await refusal(registry.url, { ca: root.pem });
    expect(message).toContain(words);
    expect(message.startsWith(`${new URL(registry.url).host}: its certificate`)).toBe(true);
    // Nothing would be another the next time.
    expect(registry.connections()).toBe(1);
  });

  it('with the root of an unknown authority beside it is refused, too', async () => {
    await using registry = await tlsServer(shown(server, intermediate, root));
    expect(await refusal(registry.url, {})).toContain(
      'is of an authority that is not trusted here (SELF_SIGNED_CERT_IN_CHAIN); name the authority',
    );
  });

  it('signed by one that may sign none is refused, too', async () => {
    const none = await issue({ name: 'none' });
    await using registry = await tlsServer(shown(await issue({ issuer: none }), none));
    expect(await refusal(registry.url, { ca: root.pem })).toContain(
      'is used for what it was not issued for (INVALID_PURPOSE); have it issued anew',
    );
  });

  it('whose key is too weak is refused, too', async () => {
    const weak = { ...shown(await issue({ weak: true })), ciphers: 'DEFAULT:@SECLEVEL=0' };
    await using registry = await tlsServer(weak);
    expect(await refusal(registry.url, { ca: root.pem })).toContain(
      'its certificate is refused: EE certificate key too weak (UNSPECIFIED); have it issued anew',
    );
  });

  it('of a client is what a registry may want, and Entrepot has none', async () => {
    const mutual = { ...shown(server, intermediate), requestCert: true, ca: root.pem };
    await using registry = await tlsServer(mutual);
    expect(await refusal(registry.url, { ca: root.pem })).toContain(
      'it wants a client certificate (ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED); Entrepot shows none',
    );
    await using older = await tlsServer({ ...mutual, maxVersion: 'TLSv1.2' });
    expect(await refusal(older.url, { ca: root.pem })).toContain(
      'it wants a client certificate, or other ciphers',
    );
  });

  it('is not what a port for plain HTTP has', async () => {
    await using plain = await scriptedServer((_, response) => response.end('{}'));
    expect(await refusal(plain.url.replace('http:', 'https:'), {})).toContain(
      'it does not speak TLS there (ERR_SSL_WRONG_VERSION_NUMBER); see that the port is right; if it speaks plain HTTP',
    );
  });
});
