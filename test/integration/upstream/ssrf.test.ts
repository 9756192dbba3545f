import { createServer } from 'node:https';
import type { AddressInfo, LookupFunction } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import type { UpstreamError } from '../../../src/upstream/registry.ts';
import { TestCertificate } from '../../support/certificates.ts';
import {
  clientOf,
  failureOf,
  named,
  namesAt,
  readAll,
  repositoryName,
  scriptedServer,
  tagReference,
  type Answerer,
  type ClientOptions,
  type ScriptedServer,
} from './harness.ts';

const busybox = repositoryName('library/busybox');
const latest = tagReference('latest');
const digest = digestOf(Buffer.from('blob'));

// The registry has a public name; everybody is on this machine, which a public registry may send nobody to.
const registryName = 'registry.example.com';
const lookup = namesAt({
  [registryName]: '127.0.0.1',
  'auth.example.com': '127.0.0.2',
  'cdn.example.net': '127.0.0.2',
});

describe('a public upstream', () => {
  let answer: Answerer;
  let registry: ScriptedServer;
  /** What must not be reached. */
  let target: ScriptedServer;
  let port: string;

  beforeEach(async () => {
    registry = await scriptedServer((request, response) => answer(request, response));
    target = await scriptedServer((_, response) => response.end('blob'), '127.0.0.2');
    ({ port } = new URL(target.url));
  });

  afterEach(async () => {
    await registry[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  });

  async function refusal(options: ClientOptions = {}): Promise<UpstreamError> {
    await using client = clientOf(named(registry.url, registryName), { lookup, ...options });
    const failure = await failureOf(client.registry.openBlob(busybox, digest, { offset: 0 }));
    expect((await failureOf(client.registry.getManifest(busybox, latest))).kind).toBe(failure.kind);
    expect(target.requests).toEqual([]);
    expect(client.log()).not.toContain('s3cret');
    return failure;
  }

  function redirecting(location: string, status = 307): void {
    answer = (_, response) => response.writeHead(status, { location }).end();
  }

  it.each([301, 302, 303, 307, 308])('does not get a %i to this machine followed', async (status) => {
    redirecting(`http://127.0.0.2:${port}/x?signature=s3cret`, status);
    const { kind, message } = await refusal();
    expect(kind).toBe('invalid');
    expect(message).toContain('127.0.0.2 is not asked');
    expect(message).not.toContain('s3cret');
  });

  it.each([
    'http://cdn.example.net:PORT/',
    'http://2130706434:PORT/',
    'http://0x7f000002:PORT/',
    'http://0177.0.0.2:PORT/',
    'http://127.2:PORT/',
    'http://[::ffff:127.0.0.2]:PORT/',
    'http://[::ffff:7f00:2]:PORT/',
    'http://localhost:PORT/',
    'http://0.0.0.0:PORT/',
    'http://[::]:PORT/',
    'http://169.254.169.254/latest/meta-data/iam/',
    'http://[fd00:ec2::254]/latest/meta-data/',
    'http://100.100.100.200/',
    'http://10.0.0.1/',
    'http://192.168.0.1/',
    'http://[fe80::1]/',
  ])('does not get a redirect to %s followed', async (location) => {
    redirecting(location.replace('PORT', port));
    expect((await refusal()).kind).toBe('invalid');
  });

  it('does not get the second of two redirects followed', async () => {
    answer = (request, response) => {
      const location = request.url === '/there' ? `http://127.0.0.2:${port}/` : '/there';
      response.writeHead(302, { location }).end();
    };
    expect((await refusal()).kind).toBe('invalid');
  });

  it('may send to a host that is named for it', async () => {
    redirecting(`http://cdn.example.net:${port}/`);
    await using client = clientOf(named(registry.url, registryName), {
      lookup,
      redirects: [`cdn.example.net:${port}`],
    });
    expect((await readAll(await client.registry.openBlob(busybox, digest, { offset: 0 }))).toString()).toBe(
      'blob',
    );
    expect((await refusalOf(`cdn.example.net:${Number(port) + 1}`)).kind).toBe('invalid');
  });

  async function refusalOf(redirect: string): Promise<UpstreamError> {
    await using client = clientOf(named(registry.url, registryName), { lookup, redirects: [redirect] });
    return await failureOf(client.registry.openBlob(busybox, digest, { offset: 0 }));
  }

  it('gains nothing from a name that means something else the next time', async () => {
    redirecting(`http://cdn.example.net:${port}/`);
    // The first address belongs to nobody and is public; every later one is what the upstream is after.
    const answers = ['198.18.0.1'];
    const rebinding: LookupFunction = (hostname, options, callback) => {
      const address = hostname === registryName ? '127.0.0.1' : (answers.shift() ?? '127.0.0.2');
      namesAt({ [hostname]: address })(hostname, options, callback);
    };
    await using client = clientOf(named(registry.url, registryName), {
      lookup: rebinding,
      timeouts: { connectMs: 500 },
    });
    const first = await failureOf(client.registry.openBlob(busybox, digest, { offset: 0 }));
    expect(['timeout', 'unavailable']).toContain(first.kind);
    expect((await failureOf(client.registry.openBlob(busybox, digest, { offset: 0 }))).kind).toBe('invalid');
    expect(target.requests).toEqual([]);
  });

  it.each(['auth.example.com', '127.0.0.2', '169.254.169.254', 'localhost'])(
    'does not get a token asked for at %s',
    async (host) => {
      answer = (_, response) => {
        const challenge = `Bearer realm="http://${host}:${port}/token"`;
        response.writeHead(401, { 'www-authenticate': challenge }).end();
      };
      const credentials = { get: () => Promise.resolve({ username: 'u', password: 's3cret' }) };
      expect((await refusal()).kind).toBe('invalid');
      expect((await refusal({ credentials })).kind).toBe('invalid');
    },
  );

  it('does not get a page elsewhere fetched', async () => {
    answer = (request, response) => {
      const link = `<http://127.0.0.2:${port}${request.url}>; rel="next"`;
      const body = request.url?.includes('referrers') === true ? '{"manifests":[]}' : '{"tags":[]}';
      response.writeHead(200, { link }).end(body);
    };
    await using client = clientOf(named(registry.url, registryName), { lookup });
    expect((await failureOf(client.registry.listTags(busybox))).kind).toBe('invalid');
    expect((await failureOf(client.registry.referrers(busybox, digest))).kind).toBe('invalid');
    expect(target.requests).toEqual([]);
  });

  it('is itself asked wherever it is, also after a redirect to its own name', async () => {
    answer = (request, response) => {
      if (request.url === '/there') response.end('{}');
      else response.writeHead(302, { location: `${named(registry.url, registryName)}/there` }).end();
    };
    await using client = clientOf(named(registry.url, registryName), { lookup });
    expect((await client.registry.getManifest(busybox, latest)).bytes.toString()).toBe('{}');
  });
});

describe('an upstream at a public name', () => {
  it('may send into its own network once a certificate has shown that it is there', async () => {
    const certificate = await TestCertificate.create({ name: registryName, authority: true });
    const tls = {
      key: certificate.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      cert: certificate.pem,
    };
    const server = createServer(tls, (request, response) => {
      if (request.url?.includes('manifests') === true) response.end('{}');
      else response.writeHead(307, { location: `https://127.0.0.2:${port}/` }).end();
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    try {
      await using client = clientOf(`https://${registryName}:${port}`, { lookup, ca: certificate.pem });
      await client.registry.getManifest(busybox, latest);
      // Nobody listens there: what matters is that it was tried.
      expect((await failureOf(client.registry.openBlob(busybox, digest, { offset: 0 }))).kind).toBe(
        'unavailable',
      );
      await using stranger = clientOf(`https://${registryName}:${port}`, { lookup, insecure: true });
      expect((await failureOf(stranger.registry.openBlob(busybox, digest, { offset: 0 }))).kind).toBe(
        'invalid',
      );
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
