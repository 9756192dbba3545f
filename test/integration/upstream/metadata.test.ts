import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { maxManifestBytes } from '../../../src/oci/manifest.ts';
import { manifestMediaTypes } from '../../../src/oci/media-type.ts';
import type { RateLimit } from '../../../src/upstream/rate-limit.ts';
import { eventually, within } from '../../support/deadline.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import { makeImage, noise } from '../../support/image.ts';
import { clientOf, failureOf, repositoryName, scriptedServer, tagReference } from './harness.ts';

const busybox = repositoryName('library/busybox');
const latest = tagReference('latest');
const image = makeImage({ oci: true });

async function hubWithImage(): Promise<FakeHub> {
  const hub = await FakeHub.start({ auth: 'none' });
  hub.addImage('library/busybox', 'latest', image);
  return hub;
}

describe('a manifest', () => {
  it('is described by HEAD without spending a pull', async () => {
    await using hub = await hubWithImage();
    await using client = clientOf(hub.url);
    expect(await client.registry.headManifest(busybox, latest)).toEqual({
      digest: image.digest,
      mediaType: image.mediaType,
      size: image.size,
    });
    expect(hub.pulls).toBe(0);
  });

  it('comes byte for byte, by tag and by digest', async () => {
    await using hub = await hubWithImage();
    await using client = clientOf(hub.url);
    expect((await client.registry.getManifest(busybox, latest)).bytes).toEqual(image.bytes);
    expect(await client.registry.getManifest(busybox, { digest: image.digest })).toEqual({
      digest: image.digest,
      mediaType: image.mediaType,
      size: image.size,
      bytes: image.bytes,
    });
  });

  it('is asked for in every type that Entrepot stores', async () => {
    await using hub = await hubWithImage();
    await using client = clientOf(hub.url);
    await client.registry.headManifest(busybox, latest);
    expect(hub.requests[0]?.headers.accept?.split(', ')).toEqual(manifestMediaTypes);
  });

  it('may come without digest, type and length', async () => {
    await using upstream = await scriptedServer((_, response) => {
      response.writeHead(200, { 'docker-content-digest': 'sha256:nonsense' });
      response.write('{');
      response.end('}');
    });
    await using client = clientOf(upstream.url);
    expect(await client.registry.getManifest(busybox, latest)).toEqual({
      digest: undefined,
      mediaType: undefined,
      size: undefined,
      bytes: Buffer.from('{}'),
    });
  });

  it('of 4 MiB is taken, a longer one is not', async () => {
    let length = maxManifestBytes;
    await using upstream = await scriptedServer((_, response) => response.end('{}'.padEnd(length)));
    await using client = clientOf(upstream.url);
    expect((await client.registry.getManifest(busybox, latest)).bytes).toHaveLength(length);
    length += 1;
    expect((await failureOf(client.registry.getManifest(busybox, latest))).kind).toBe('invalid');
  });

  it('that comes in drops is given up', async () => {
    await using upstream = await scriptedServer((_, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(drip));
    });
    await using client = clientOf(upstream.url, { timeouts: { idleMs: 300 } });
    const failure = failureOf(client.registry.getManifest(busybox, latest));
    expect((await within(60_000, 'the time limit', failure)).kind).toBe('timeout');
  });

  it('below a path of the upstream is asked for there', async () => {
    await using upstream = await scriptedServer((_, response) => response.end('{}'));
    await using client = clientOf(`${upstream.url}/docker/hub/`);
    await client.registry.getManifest(busybox, latest);
    expect(upstream.requests).toEqual(['GET /docker/hub/v2/library/busybox/manifests/latest']);
  });
});

describe('rate limits', () => {
  it('are reported', async () => {
    const seen: RateLimit[] = [];
    await using hub = await FakeHub.start({ rateLimit: { limit: 100, window: 21_600, remaining: 76 } });
    hub.addImage('library/busybox', 'latest', image);
    await using client = clientOf(hub.url, { onRateLimit: (rateLimit) => seen.push(rateLimit) });
    await client.registry.getManifest(busybox, latest);
    expect(seen).toEqual([{ limit: 100, remaining: 75, windowSeconds: 21_600, source: '127.0.0.1' }]);
  });

  it('that are used up are reported too, and the request is not tried again', async () => {
    const remaining: (number | undefined)[] = [];
    await using hub = await FakeHub.start({ rateLimit: { limit: 100, window: 21_600, remaining: 0 } });
    hub.addImage('library/busybox', 'latest', image);
    await using client = clientOf(hub.url, { onRateLimit: (limit) => remaining.push(limit.remaining) });
    const failure = await failureOf(client.registry.getManifest(busybox, latest));
    expect(failure).toMatchObject({ kind: 'rate-limited', status: 429 });
    expect(failure.message).toContain(
      'TOOMANYREQUESTS: You have reached your unauthenticated pull rate limit',
    );
    expect(remaining).toEqual([0]);
    expect(hub.count({ method: 'GET', path: /manifests/ })).toBe(2);
  });

  it('with a short Retry-After are waited out', async () => {
    await using hub = await hubWithImage();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'manifest', kind: 'status', status: 429, headers: { 'retry-after': '0' }, times: 2 });
    expect((await client.registry.headManifest(busybox, latest)).digest).toBe(image.digest);
  });

  it('with a long Retry-After say how long', async () => {
    await using hub = await hubWithImage();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'manifest', kind: 'status', status: 429, headers: { 'retry-after': '90' } });
    expect(await failureOf(client.registry.headManifest(busybox, latest))).toMatchObject({
      kind: 'rate-limited',
      retryAfter: 90,
    });
    expect(hub.requests).toHaveLength(1);
  });
});

describe('an upstream in trouble', () => {
  it.each([
    [403, 'denied'],
    [404, 'not-found'],
    [400, 'invalid'],
    [500, 'unavailable'],
    [503, 'unavailable'],
  ] as const)('that answers %i is reported as %s', async (status, kind) => {
    await using hub = await hubWithImage();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'manifest', kind: 'status', status });
    expect(await failureOf(client.registry.headManifest(busybox, latest))).toMatchObject({ kind, status });
    expect(await failureOf(client.registry.getManifest(busybox, latest))).toMatchObject({ kind, status });
  });

  it.each(['reset', 'status'] as const)('is tried three times (%s)', async (kind) => {
    await using hub = await hubWithImage();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'manifest', times: 2, ...(kind === 'reset' ? { kind } : { kind, status: 502 }) });
    expect((await client.registry.headManifest(busybox, latest)).digest).toBe(image.digest);
    expect(hub.requests).toHaveLength(3);
  });

  it('that is down is unavailable, and back when it is back', async () => {
    await using hub = await hubWithImage();
    await using client = clientOf(hub.url);
    hub.down();
    expect((await failureOf(client.registry.headManifest(busybox, latest))).kind).toBe('unavailable');
    expect((await failureOf(client.registry.openBlob(busybox, image.digest, { offset: 0 }))).kind).toBe(
      'unavailable',
    );
    await hub.up();
    expect((await client.registry.headManifest(busybox, latest)).digest).toBe(image.digest);
  });

  it('whose name does not exist is unavailable', async () => {
    await using client = clientOf('http://registry.invalid');
    expect((await failureOf(client.registry.headManifest(busybox, latest))).kind).toBe('unavailable');
  });

  it('that hangs is a timeout, after one try', async () => {
    await using hub = await hubWithImage();
    await using client = clientOf(hub.url, { timeouts: { headerMs: 200 } });
    hub.fault({ on: 'manifest', kind: 'hang' });
    const failure = failureOf(client.registry.headManifest(busybox, latest));
    expect((await within(60_000, 'the time limit', failure)).kind).toBe('timeout');
    expect(hub.requests).toHaveLength(1);
  });

  it('that does not speak HTTP is invalid', async () => {
    await using upstream = await scriptedServer((request) => {
      request.socket.end('SSH-2.0-OpenSSH_9.2\r\n');
    });
    await using client = clientOf(upstream.url);
    expect((await failureOf(client.registry.headManifest(busybox, latest))).kind).toBe('invalid');
  });

  it('is left at once by a caller who gives up', async () => {
    await using hub = await hubWithImage();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'manifest', kind: 'hang' });
    const controller = new AbortController();
    const failure = failureOf(client.registry.headManifest(busybox, latest, { signal: controller.signal }));
    await hub.received({ path: /manifests/ });
    controller.abort(new Error('enough'));
    expect(await within(60_000, 'the abort', failure)).toMatchObject({
      kind: 'aborted',
      cause: expect.objectContaining({ message: 'enough' }) as Error,
    });
    await eventually(60_000, 'the connection to close', () => hub.connections === 0);
  });

  it('is not even asked by a caller who gave up before', async () => {
    await using hub = await hubWithImage();
    await using client = clientOf(hub.url);
    const signal = AbortSignal.abort();
    expect((await failureOf(client.registry.getManifest(busybox, latest, { signal }))).kind).toBe('aborted');
    expect(
      (await failureOf(client.registry.openBlob(busybox, image.digest, { offset: 0, signal }))).kind,
    ).toBe('aborted');
    expect(hub.requests).toHaveLength(0);
  });
});

describe('closing', () => {
  it('ends requests under way and refuses new ones', async () => {
    await using hub = await hubWithImage();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'manifest', kind: 'hang' });
    const failure = failureOf(client.registry.headManifest(busybox, latest));
    await hub.received({ path: /manifests/ });
    await client.registry[Symbol.asyncDispose]();
    expect((await within(60_000, 'the end', failure)).kind).toBe('aborted');
    expect((await failureOf(client.registry.headManifest(busybox, latest))).kind).toBe('aborted');
    await eventually(60_000, 'the connections to close', () => hub.connections === 0);
  });
});

describe('headBlob', () => {
  it('states the size, and not-found for a blob that is not there', async () => {
    await using hub = await FakeHub.start({ cdn: false });
    const bytes = noise(5000, 'head');
    const digest = hub.addBlob('library/busybox', bytes);
    await using client = clientOf(hub.url);
    expect(await client.registry.headBlob(busybox, digest)).toBe(5000);
    const missing = digestOf(Buffer.from('missing'));
    expect((await failureOf(client.registry.headBlob(busybox, missing))).kind).toBe('not-found');
    expect((await failureOf(client.registry.openBlob(busybox, missing, { offset: 0 }))).kind).toBe(
      'not-found',
    );
  });
});

describe('listTags', () => {
  it('follows the pages', async () => {
    await using hub = await hubWithImage();
    const tags = Array.from({ length: 2500 }, (_, index) => `t${String(index).padStart(4, '0')}`);
    for (const tag of tags) hub.moveTag('library/busybox', tag, image.digest);
    await using client = clientOf(hub.url);
    expect(await client.registry.listTags(busybox)).toEqual(['latest', ...tags]);
    expect(hub.requests).toHaveLength(3);
  });

  it('follows no page when fewer tags will do', async () => {
    await using hub = await hubWithImage();
    for (const tag of ['a', 'b', 'c']) hub.moveTag('library/busybox', tag, image.digest);
    await using client = clientOf(hub.url);
    expect(await client.registry.listTags(busybox, { atMost: 2 })).toEqual(['a', 'b']);
    expect(hub.requests).toHaveLength(1);
  });

  // A registry behind a proxy that ends TLS, and perhaps takes off a prefix, knows no better.
  it.each(['http://registry.internal:5000', 'https://127.0.0.9:1', 'https://registry.internal/prefix'])(
    'asks upstream itself for a page that is linked at %s',
    async (place) => {
      await using upstream = await scriptedServer((request, response) => {
        const { pathname, searchParams } = new URL(request.url ?? '', 'http://registry');
        const more = searchParams.get('last') === null;
        const link = [
          `<${place}/>; rel="first"`,
          `<${place}${pathname}?n=1&last=a>; title="a, b"; rel="last next"`,
        ];
        if (more) response.setHeader('link', link);
        response.end(JSON.stringify({ tags: [more ? 'a' : 'b'] }));
      });
      await using client = clientOf(upstream.url);
      expect(await client.registry.listTags(busybox)).toEqual(['a', 'b']);
      expect(upstream.requests).toEqual([
        'GET /v2/library/busybox/tags/list?n=1000',
        'GET /v2/library/busybox/tags/list?n=1&last=a',
      ]);
    },
  );

  it('ends where pages link to each other in a circle', async () => {
    await using upstream = await scriptedServer((request, response) => {
      const odd = request.url?.endsWith('page=1') === true;
      response.writeHead(200, { link: `<list?page=${odd ? 2 : 1}>; rel=next` });
      response.end(JSON.stringify({ tags: [odd ? 'odd' : 'even'] }));
    });
    await using client = clientOf(upstream.url);
    expect(await client.registry.listTags(busybox)).toEqual(['even', 'odd']);
    expect(upstream.requests).toHaveLength(3);
  });

  it('does not follow a page to another host', async () => {
    await using other = await scriptedServer((_, response) => response.end('{"tags":[]}'));
    await using upstream = await scriptedServer((request, response) => {
      response.writeHead(200, { link: `<${other.url}${request.url}>; rel="next"` }).end('{"tags":["a"]}');
    });
    await using client = clientOf(upstream.url);
    expect((await failureOf(client.registry.listTags(busybox))).kind).toBe('invalid');
    expect(other.requests).toEqual([]);
  });

  it('stops after 200 pages of a list without end', async () => {
    await using upstream = await scriptedServer((request, response) => {
      const page = new URL(request.url ?? '', 'http://registry').searchParams.get('page') ?? '0';
      const link = `</v2/library/busybox/tags/list?page=${Number(page) + 1}>; rel="next"`;
      response.writeHead(200, { link }).end(`{"tags":["t${page}"]}`);
    });
    await using client = clientOf(upstream.url);
    const said: string[] = [];
    const onWarning = (text: string): void => void said.push(text);
    expect(await client.registry.listTags(busybox, { onWarning })).toHaveLength(200);
    // A list that was cut must not look whole.
    expect(said).toEqual(['only the first 200 tags are listed']);
  });

  it('fails when a page does', async () => {
    await using hub = await hubWithImage();
    await using client = clientOf(hub.url);
    hub.fault({ on: 'tags', kind: 'status', status: 404 });
    expect((await failureOf(client.registry.listTags(busybox))).kind).toBe('not-found');
  });
});

describe('a HEAD', () => {
  it('leaves its connection to the GET that follows', async () => {
    const connections = new Set<unknown>();
    await using upstream = await scriptedServer((request, response) => {
      connections.add(request.socket);
      response.writeHead(200, { 'content-type': image.mediaType, 'content-length': image.size });
      response.end(image.bytes);
    });
    await using client = clientOf(upstream.url);
    await client.registry.headManifest(busybox, latest);

    expect((await client.registry.getManifest(busybox, latest)).bytes).toEqual(image.bytes);
    expect(connections.size).toBe(1);
  });

  it('that is answered with a body does not have this taken for the next answer', async () => {
    const smuggled = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';
    await using upstream = await scriptedServer(({ method, socket }, response) => {
      const head = `HTTP/1.1 200 OK\r\nContent-Type: ${image.mediaType}\r\nContent-Length: ${smuggled.length}\r\n\r\n`;
      if (method === 'HEAD') socket.write(head + smuggled);
      else response.end(image.bytes);
    });
    await using client = clientOf(upstream.url);
    await client.registry.headManifest(busybox, latest);

    expect((await client.registry.getManifest(busybox, latest)).bytes).toEqual(image.bytes);
  });
});

describe('idle connections', () => {
  it('close soon, even if the upstream would keep them', async () => {
    await using hub = await hubWithImage();
    await using client = clientOf(hub.url);
    await Promise.all(Array.from({ length: 20 }, () => client.registry.getManifest(busybox, latest)));
    expect(hub.connections).toBeGreaterThan(0);
    await expect.poll(() => hub.connections, { timeout: 25_000, interval: 200 }).toBe(0);
  });
});
