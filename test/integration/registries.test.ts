import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, errorCode, verdict } from '../support/ask.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const hubs = makeImage({ seed: 1 });
const ghcrs = makeImage({ seed: 2 });
const [layer = ghcrs.config] = ghcrs.layers;

let hub: FakeHub;
let ghcr: FakeHub;
let entrepot: TestEntrepot;

beforeEach(async () => {
  hub = await FakeHub.start();
  ghcr = await FakeHub.start();
  hub.addImage('owner/app', 'v1', hubs);
  ghcr.addImage('owner/app', 'v1', ghcrs);
  entrepot = await TestEntrepot.start({
    upstream: hub.url,
    others: [
      {
        name: 'ghcr.io',
        url: ghcr.url,
        hosts: ['ghcr.mirror.corp'],
        listen: { host: '127.0.0.1', port: 0 },
      },
    ],
  });
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
  await ghcr.close();
});

interface Way {
  readonly way: string;
  readonly path: (noun: string) => string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly listener?: true;
}

const ways: readonly Way[] = [
  { way: 'by a prefix', path: (noun) => `/v2/ghcr.io/owner/app/${noun}` },
  { way: 'by ns', path: (noun) => `/v2/owner/app/${noun}?ns=ghcr.io` },
  { way: 'by both', path: (noun) => `/v2/ghcr.io/owner/app/${noun}?ns=ghcr.io` },
  {
    way: 'by the Host header',
    path: (noun) => `/v2/owner/app/${noun}`,
    headers: { host: 'ghcr.mirror.corp:5000' },
  },
  { way: 'by a listener', path: (noun) => `/v2/owner/app/${noun}`, listener: true },
];

describe('an image of another registry', () => {
  test.each(ways)('is pulled $way, and only from there', async ({ path, headers, listener }) => {
    const origin = listener === true ? entrepot.urlOf('ghcr.io') : entrepot.url;

    const manifest = await ask(origin, path('manifests/v1'), headers);
    const blob = await ask(origin, path(`blobs/${layer.digest}`), headers);
    const tags = await ask(origin, path('tags/list'), headers);

    expect(verdict(manifest, ghcrs.bytes)).toBe('right');
    expect(verdict(blob, layer.bytes)).toBe('right');
    expect(JSON.parse(tags.bytes.toString())).toMatchObject({ tags: ['v1'] });
    expect(hub.requests).toEqual([]);
  });

  test('is one in the cache, by whichever way it is asked for', async () => {
    for (const { path, headers, listener } of ways) {
      const origin = listener === true ? entrepot.urlOf('ghcr.io') : entrepot.url;
      expect(verdict(await ask(origin, path('manifests/v1'), headers), ghcrs.bytes)).toBe('right');
      expect(verdict(await ask(origin, path(`blobs/${layer.digest}`), headers), layer.bytes)).toBe('right');
    }

    expect(ghcr.pulls).toBe(1);
    expect(ghcr.bytesSent(layer.digest)).toBe(layer.size);
    const catalog = await ask(entrepot.url, '/v2/_catalog');
    expect(JSON.parse(catalog.bytes.toString())).toEqual({ repositories: ['ghcr.io/owner/app'] });
  });

  test('is another than its namesake on Docker Hub', async () => {
    await ask(entrepot.url, '/v2/ghcr.io/owner/app/manifests/v1');

    expect(verdict(await ask(entrepot.url, '/v2/owner/app/manifests/v1'), hubs.bytes)).toBe('right');
    const foreign = await ask(entrepot.url, `/v2/owner/app/blobs/${layer.digest}`);
    expect(verdict(foreign, layer.bytes)).toBe('404 BLOB_UNKNOWN');
  });
});

test.each(ways.slice(3))(
  'only its own repositories are listed to who asks $way',
  async ({ headers, listener }) => {
    await ask(entrepot.url, '/v2/owner/app/manifests/v1');
    await ask(entrepot.url, '/v2/ghcr.io/owner/app/manifests/v1');
    const origin = listener === true ? entrepot.urlOf('ghcr.io') : entrepot.url;

    const catalog = await ask(origin, '/v2/_catalog', headers);
    const search = await ask(origin, '/v1/search?q=app', headers);

    expect(JSON.parse(catalog.bytes.toString())).toEqual({ repositories: ['ghcr.io/owner/app'] });
    expect(JSON.parse(search.bytes.toString())).toMatchObject({ results: [{ name: 'ghcr.io/owner/app' }] });
  },
);

test('every repository of the catalog can be pulled by the name that it has there', async () => {
  await using local = await TestEntrepot.start({
    upstream: hub.url,
    others: [{ name: 'registry.corp:5000', url: ghcr.url }],
  });
  for (const [path, { bytes }] of [
    ['owner/app/manifests/v1', hubs],
    ['owner/app/manifests/v1?ns=registry.corp:5000', ghcrs],
  ] as const) {
    expect(verdict(await ask(local.url, `/v2/${path}`), bytes)).toBe('right');
  }
  hub.down();
  ghcr.down();
  const { repositories } = JSON.parse((await ask(local.url, '/v2/_catalog')).bytes.toString()) as {
    readonly repositories: readonly string[];
  };
  expect(repositories).toEqual(['owner/app', 'registry.corp:5000/owner/app']);
  for (const [index, { bytes }] of [hubs, ghcrs].entries()) {
    const answer = await ask(local.url, `/v2/${repositories[index]}/manifests/v1`);
    expect(verdict(answer, bytes)).toBe('right');
  }
});

describe('a registry that is not mirrored', () => {
  test.each([
    ['by ns', '/v2/owner/app/manifests/v1?ns=169.254.169.254', {}],
    ['by ns with the port of a service here', '/v2/owner/app/manifests/v1?ns=127.0.0.1:22', {}],
    ['by ns that is no name', '/v2/owner/app/manifests/v1?ns=http://ghcr.io/', {}],
    ['by a prefix', '/v2/169.254.169.254/latest/manifests/v1', {}],
    ['by a prefix with a port', '/v2/127.0.0.1:22/owner/app/manifests/v1', {}],
    ['by a prefix of this machine', '/v2/localhost/owner/manifests/v1', {}],
    ['by a prefix against ns', '/v2/docker.io/owner/app/manifests/v1?ns=ghcr.io', {}],
    [
      'by ns against the Host header',
      '/v2/owner/app/manifests/v1?ns=docker.io',
      { host: 'ghcr.mirror.corp' },
    ],
  ])('named %s is 404, and nobody is asked', async (_way, path, headers) => {
    const answer = await ask(entrepot.url, path, headers);

    expect([answer.status, errorCode(answer)]).toEqual([404, 'NAME_UNKNOWN']);
    expect([...hub.requests, ...ghcr.requests]).toEqual([]);
  });

  test('named by the Host header alone is no registry: the path counts', async () => {
    const answer = await ask(entrepot.url, '/v2/owner/app/manifests/v1', { host: '169.254.169.254' });

    expect(verdict(answer, hubs.bytes)).toBe('right');
  });
});
