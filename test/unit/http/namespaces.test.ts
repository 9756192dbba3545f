import { beforeEach, describe, expect, test } from 'vitest';
import { createHttpApp } from '../../../src/http/app.ts';
import { parseUpstreamName, type UpstreamName } from '../../../src/oci/reference.ts';
import { FakeMirror } from '../../support/fake-mirror.ts';
import { logLines } from '../../support/log-lines.ts';
import { TestClock } from '../../support/test-clock.ts';

const hosts = new Map([
  ['ghcr.mirror.example', upstream('ghcr.io')],
  ['hub.mirror.example', upstream('docker.io')],
]);

let mirror: FakeMirror;
let app: ReturnType<typeof createHttpApp>;

beforeEach(() => {
  mirror = new FakeMirror();
  for (const tag of ['a', 'b', 'c']) mirror.putManifest('box', tag, Buffer.from('{}'));
  mirror.putManifest('ghcr.io/box', 'a', Buffer.from('{}'));
  mirror.putManifest('ghcr.io/box', 'b', Buffer.from('{}'));
  app = createHttpApp({ mirror, logger: logLines().logger, clock: new TestClock(), hosts });
});

function upstream(text: string): UpstreamName {
  const name = parseUpstreamName(text);
  if (name === undefined) throw new Error(`not an upstream name: ${text}`);
  return name;
}

async function get(path: string, host = 'mirror.example:5000', method = 'GET'): Promise<Response> {
  return await app.request(path, { method, headers: { host } });
}

function namespaces(): unknown[] {
  return mirror.targets.map(({ namespace }) => namespace);
}

describe('a host name that stands for an upstream', () => {
  test.each([
    'ghcr.mirror.example',
    'GHCR.Mirror.Example',
    'ghcr.mirror.example:5000',
    'ghcr.mirror.example.:80',
  ])('is known as %s', async (host) => {
    expect((await get('/v2/box/manifests/a', host)).status).toBe(200);
    expect(namespaces()).toStrictEqual(['ghcr.io']);
  });

  test.each(['mirror.example', 'x.ghcr.mirror.example', 'ghcr.mirror.example.evil.test', ''])(
    'is not taken from %j',
    async (host) => {
      await get('/v2/box/manifests/a', host);
      expect(namespaces()).toStrictEqual([undefined]);
    },
  );

  test('agrees with an ns of the same registry, under each of its names', async () => {
    for (const [host, ns] of [
      ['ghcr.mirror.example', 'GHCR.io'],
      ['hub.mirror.example', 'docker.io'],
      ['hub.mirror.example', 'registry-1.docker.io'],
    ] as const) {
      const response = await get(`/v2/box/manifests/a?ns=${ns}`, host);
      expect([response.status, response.headers.get('oci-namespace')]).toStrictEqual([200, ns.toLowerCase()]);
    }
  });

  test('contradicts an ns of another registry, which is then not known here', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    for (const path of ['manifests/a', `blobs/${digest}`, 'tags/list', `referrers/${digest}`]) {
      const response = await get(`/v2/box/${path}?ns=quay.io`, 'ghcr.mirror.example');
      expect(response.status).toBe(404);
      expect(await response.text()).toContain('NAME_UNKNOWN');
    }
    expect(mirror.calls).toStrictEqual([]);
  });

  test('is not repeated to the client, who has not asked for a namespace', async () => {
    const response = await get('/v2/box/manifests/a', 'ghcr.mirror.example');
    expect(response.headers.get('oci-namespace')).toBeNull();
  });
});

describe('a registry with a port before a name', () => {
  test('is what an ns would be, and is part of the name for the client alone', async () => {
    const response = await get('/v2/registry.example:5000/box/tags/list?n=1');
    expect(mirror.targets).toMatchObject([{ name: 'box', namespace: 'registry.example:5000' }]);
    expect(await response.json()).toStrictEqual({ name: 'registry.example:5000/box', tags: ['a'] });
    expect(response.headers.get('link')).toBe(
      '</v2/registry.example:5000/box/tags/list?last=a&n=1>; rel="next"',
    );
    expect(response.headers.get('oci-namespace')).toBeNull();
  });

  test('must be the one that the ns and the host name mean', async () => {
    const path = '/v2/registry.example:5000/box/manifests/a';
    expect((await get(`${path}?ns=registry.example:5000`)).status).toBe(200);
    expect((await get(`${path}?ns=ghcr.io`)).status).toBe(404);
    expect((await get(path, 'ghcr.mirror.example')).status).toBe(404);
  });

  test.each([
    'registry.example:/box',
    'registry.example:5000',
    'registry.example:5000/',
    'a/registry.example:5000/box',
    'user@registry.example:5000/box',
    `registry.example:5000/${'a'.repeat(240)}`,
  ])('is not read into %s', async (name) => {
    const response = await get(`/v2/${name}/manifests/a`);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('NAME_INVALID');
  });
});

describe('an ns', () => {
  test('is repeated by every answer, errors included', async () => {
    for (const [path, status] of [
      ['/v2/box/manifests/a', 200],
      ['/v2/box/manifests/none', 404],
      ['/v2/box/tags/list', 200],
      ['/v2/box/manifests/.bad', 404],
      ['/v2/box/manifests/sha256:bad', 400],
    ] as const) {
      const response = await get(`${path}?ns=quay.io`);
      expect([response.status, response.headers.get('oci-namespace')]).toStrictEqual([status, 'quay.io']);
    }
  });
});

describe('a list of tags', () => {
  test('links to its next page under the name and the ns that the client used', async () => {
    const plain = await get('/v2/box/tags/list?n=1&ns=quay.io');
    expect(plain.headers.get('link')).toBe('</v2/box/tags/list?last=a&n=1&ns=quay.io>; rel="next"');
    const prefixed = await get('/v2/ghcr.io/box/tags/list?n=1');
    expect(prefixed.headers.get('link')).toBe('</v2/ghcr.io/box/tags/list?last=a&n=1>; rel="next"');
    expect(await prefixed.json()).toStrictEqual({ name: 'ghcr.io/box', tags: ['a'] });
  });
});

describe('pages', () => {
  beforeEach(() => {
    const limits = { maxTags: 2, maxCatalogEntries: 1 };
    app = createHttpApp({ mirror, logger: logLines().logger, clock: new TestClock(), ...limits });
  });

  test('of tags are no longer than the operator allows, and link on', async () => {
    const response = await get('/v2/box/tags/list?n=3');
    expect(await response.json()).toMatchObject({ tags: ['a', 'b'] });
    expect(response.headers.get('link')).toBe('</v2/box/tags/list?last=b&n=2>; rel="next"');
  });

  test('are not made of a list of tags that is asked for whole', async () => {
    expect(await (await get('/v2/box/tags/list')).json()).toMatchObject({ tags: ['a', 'b', 'c'] });
  });

  test.each(['', '?n=5'])('of the catalog are no longer than the operator allows (%j)', async (query) => {
    const response = await get(`/v2/_catalog${query}`);
    expect(await response.json()).toStrictEqual({ repositories: ['box'] });
    expect(response.headers.get('link')).toBe('</v2/_catalog?last=box&n=1>; rel="next"');
  });
});
