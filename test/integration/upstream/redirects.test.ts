import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import { makeImage, noise } from '../../support/image.ts';
import { clientOf, failureOf, readAll, repositoryName, scriptedServer, tagReference } from './harness.ts';

const busybox = repositoryName('library/busybox');
const latest = tagReference('latest');
const bytes = noise(100_000, 'redirects');
const digest = digestOf(bytes);

describe('a blob behind a redirect', () => {
  it('is fetched from the other host without Authorization', async () => {
    await using hub = await FakeHub.start();
    hub.addBlob('library/busybox', bytes);
    await using client = clientOf(hub.url);
    expect(
      (await readAll(await client.registry.openBlob(busybox, digest, { offset: 0 }))).equals(bytes),
    ).toBe(true);
    const cdn = hub.requests.filter(({ server }) => server === 'cdn');
    expect(cdn.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it('is resumed there with Range', async () => {
    await using hub = await FakeHub.start();
    hub.addBlob('library/busybox', bytes);
    await using client = clientOf(hub.url);
    const blob = await client.registry.openBlob(busybox, digest, { offset: 60_000 });
    expect(blob).toMatchObject({ offset: 60_000, size: bytes.length });
    expect((await readAll(blob)).equals(bytes.subarray(60_000))).toBe(true);
  });

  it('is asked for again when its signed URL has expired', async () => {
    await using hub = await FakeHub.start();
    hub.addBlob('library/busybox', bytes);
    await using client = clientOf(hub.url);
    hub.fault({ on: 'cdn', kind: 'expired-url', times: 1 });
    expect(
      (await readAll(await client.registry.openBlob(busybox, digest, { offset: 0 }))).equals(bytes),
    ).toBe(true);
    expect(hub.count({ server: 'cdn' })).toBe(2);
  });

  it.each([400, 401, 403, 404, 410, 500, 503])(
    'is asked for again, once, when the CDN answers %i',
    async (status) => {
      await using hub = await FakeHub.start();
      hub.addBlob('library/busybox', bytes);
      await using client = clientOf(hub.url);
      hub.fault({ on: 'cdn', kind: 'status', status, times: 1 });
      expect(
        (await readAll(await client.registry.openBlob(busybox, digest, { offset: 0 }))).equals(bytes),
      ).toBe(true);
      hub.clearLog();
      hub.fault({ on: 'cdn', kind: 'status', status });
      const gone = status === 404 || status === 410;
      expect(await failureOf(client.registry.openBlob(busybox, digest, { offset: 0 }))).toMatchObject({
        kind: gone ? 'not-found' : 'unavailable',
        status,
      });
      expect(hub.count({ server: 'cdn' })).toBe(2);
    },
  );

  it('tells a CDN that limits from one that fails', async () => {
    await using hub = await FakeHub.start();
    hub.addBlob('library/busybox', bytes);
    await using client = clientOf(hub.url);
    hub.fault({ on: 'cdn', kind: 'status', status: 429, headers: { 'retry-after': '7' } });
    expect(await failureOf(client.registry.openBlob(busybox, digest, { offset: 0 }))).toMatchObject({
      kind: 'rate-limited',
      retryAfter: 7,
    });
    expect(hub.count({ server: 'cdn' })).toBe(1);
  });

  it('has its size in a HEAD through the redirect', async () => {
    await using hub = await FakeHub.start();
    hub.addBlob('library/busybox', bytes);
    await using client = clientOf(hub.url);
    expect(await client.registry.headBlob(busybox, digest)).toBe(bytes.length);
  });
});

describe('a redirect', () => {
  it('within the same origin keeps Authorization, and loses it for good at the first other one', async () => {
    const seen: (string | undefined)[] = [];
    const note = (headers: IncomingHttpHeaders): void => void seen.push(headers.authorization);
    await using registry = await scriptedServer((request, response) => {
      note(request.headers);
      if (request.url === '/there') response.writeHead(302, { location: `${other.url}/x` }).end();
      else if (request.url === '/back') response.end('{}');
      else if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      } else response.writeHead(307, { location: '/there' }).end();
    });
    await using other = await scriptedServer((request, response) => {
      note(request.headers);
      response.writeHead(303, { location: `${registry.url}/back` }).end();
    });
    const credentials = { get: () => Promise.resolve({ username: 'u', password: 'p' }) };
    await using client = clientOf(registry.url, { credentials });
    await client.registry.getManifest(busybox, latest);
    const basic = `Basic ${btoa('u:p')}`;
    expect(seen).toEqual([undefined, basic, basic, undefined, undefined]);
  });

  it('to another port is one to another host', async () => {
    await using hub = await FakeHub.start();
    await using other = await scriptedServer((request, response) => {
      response.end(JSON.stringify({ authorization: request.headers.authorization ?? 'none' }));
    });
    hub.addImage('library/busybox', 'latest', makeImage());
    hub.fault({ on: 'manifest', method: 'GET', kind: 'redirect', location: `${other.url}/m` });
    await using client = clientOf(hub.url);
    await client.registry.headManifest(busybox, latest);
    expect((await client.registry.getManifest(busybox, latest)).bytes.toString()).toBe(
      '{"authorization":"none"}',
    );
  });

  it('of a manifest may lead to another registry, whose 404 then counts', async () => {
    await using other = await scriptedServer((_, response) => response.writeHead(404).end());
    await using registry = await scriptedServer((request, response) => {
      response.writeHead(307, { location: `${other.url}${request.url}` }).end();
    });
    await using client = clientOf(registry.url);
    expect((await failureOf(client.registry.getManifest(busybox, latest))).kind).toBe('not-found');
  });

  it('may be relative', async () => {
    await using registry = await scriptedServer((request, response) => {
      if (request.url === '/storage/b') response.end('blob');
      else response.writeHead(302, { location: '/storage/b' }).end();
    });
    await using client = clientOf(registry.url);
    expect((await readAll(await client.registry.openBlob(busybox, digest, { offset: 0 }))).toString()).toBe(
      'blob',
    );
  });

  it('is followed ten times, not eleven', async () => {
    let left = 10;
    await using registry = await scriptedServer((_, response) => {
      if (left === 0) response.end('{}');
      else response.writeHead(302, { location: `/${(left -= 1)}` }).end();
    });
    await using client = clientOf(registry.url);
    await client.registry.getManifest(busybox, latest);
    left = 11;
    expect((await failureOf(client.registry.getManifest(busybox, latest))).kind).toBe('invalid');
  });

  it.each(['file:///etc/passwd', 'ftp://example.com/', 'http://', ''])(
    'to %j is refused',
    async (location) => {
      await using registry = await scriptedServer((_, response) => {
        response.writeHead(307, location === '' ? {} : { location }).end();
      });
      await using client = clientOf(registry.url);
      expect((await failureOf(client.registry.openBlob(busybox, digest, { offset: 0 }))).kind).toBe(
        'invalid',
      );
      expect(registry.requests).toHaveLength(1);
    },
  );

  it('to another host does not let that host ask for a token', async () => {
    await using other = await scriptedServer((_, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    });
    await using registry = await scriptedServer((_, response) => {
      response.writeHead(307, { location: other.url }).end();
    });
    let asked = 0;
    const credentials = {
      get: () => {
        asked += 1;
        return Promise.resolve({ username: 'u', password: 'p' });
      },
    };
    await using client = clientOf(registry.url, { credentials });
    expect((await failureOf(client.registry.getManifest(busybox, latest))).kind).toBe('unauthorized');
    expect(asked).toBe(0);
    expect(other.requests).toHaveLength(1);
  });
});
