import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { contentAnswer } from '../../support/fake-answer.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import { makeImage, noise } from '../../support/image.ts';
import {
  clientOf,
  failureOf,
  named,
  namesAt,
  readAll,
  repositoryName,
  scriptedServer,
  tagReference,
} from './harness.ts';

const pause = repositoryName('pause');
const latest = tagReference('latest');
const image = makeImage();
const bytes = noise(50_000, 'registries');
const digest = digestOf(bytes);
const owner = { username: '_json_key', password: '{"private_key":"x"}' };

/** Storage behind a registry: the blob, or the one range asked for. */
function serveBlob({ headers }: IncomingMessage, response: ServerResponse): void {
  const answer = contentAnswer({
    bytes,
    digest,
    range: headers.range,
    ifNoneMatch: undefined,
    headers: { 'content-type': 'application/octet-stream' },
  });
  response.writeHead(answer.status, { ...answer.headers, 'content-length': answer.body.length });
  response.end(answer.body);
}

/** The 401 of a registry whose token service is at the same host. */
function challenge({ headers }: IncomingMessage, response: ServerResponse, parameters: string): void {
  const value = `Bearer realm="http://${headers.host}/token"${parameters}`;
  response.writeHead(401, { 'www-authenticate': value }).end();
}

describe('Docker Hub', () => {
  it('sends blobs to a signed URL that wants no Authorization, and again when that has expired', async () => {
    let now = Date.now();
    await using hub = await FakeHub.start({ credentials: owner, now: () => now });
    hub.addBlob('pause', bytes);
    hub.makePrivate('pause');
    await using client = clientOf(hub.url, { credentials: { get: () => Promise.resolve(owner) } });
    const blob = await client.registry.openBlob(pause, digest, { offset: 10 });
    expect((await readAll(blob)).equals(bytes.subarray(10))).toBe(true);
    // What was signed before is good no more; a resume gets an URL of its own.
    now += 30 * 60 * 1000;
    expect((await readAll(await client.registry.openBlob(pause, digest, { offset: 20 }))).length).toBe(
      bytes.length - 20,
    );
    const cdn = hub.requests.filter(({ server }) => server === 'cdn');
    expect(cdn.map(({ status, headers }) => [status, headers.authorization, headers.range])).toEqual([
      [206, undefined, 'bytes=10-'],
      [206, undefined, 'bytes=20-'],
    ]);
    expect(new Set(cdn.map(({ query }) => query.get('signature'))).size).toBe(2);
  });
});

describe('Quay', () => {
  it('sends blobs to storage with a 302, where a URL signed for GET refuses HEAD', async () => {
    await using storage = await scriptedServer((request, response) => {
      if (request.method !== 'GET') response.writeHead(403).end();
      else serveBlob(request, response);
    }, '127.0.0.2');
    await using registry = await scriptedServer((_, response) => {
      response.writeHead(302, { location: `${storage.url}/b?X-Amz-Signature=s` }).end();
    });
    await using client = clientOf(registry.url);
    expect((await readAll(await client.registry.openBlob(pause, digest, { offset: 0 }))).equals(bytes)).toBe(
      true,
    );
    expect(await client.registry.headBlob(pause, digest)).toBe(bytes.length);
  });

  it('links to pages relative to its own host, and its links are followed as they are', async () => {
    await using registry = await scriptedServer((request, response) => {
      const more = request.url?.includes('next_page') !== true;
      response.writeHead(
        200,
        more ? { link: '</v2/pause/tags/list?next_page=gAAAAAB%3D%3D&n=50>; rel="next"' } : {},
      );
      response.end(JSON.stringify({ name: 'pause', tags: [more ? 'a' : 'b'] }));
    });
    await using client = clientOf(registry.url);
    expect(await client.registry.listTags(pause)).toEqual(['a', 'b']);
    expect(registry.requests[1]).toBe('GET /v2/pause/tags/list?next_page=gAAAAAB%3D%3D&n=50');
  });
});

describe('Artifact Registry and GCR', () => {
  it('send blobs to a path of their own, where the token is still wanted', async () => {
    await using registry = await scriptedServer((request, response) => {
      if (request.url?.startsWith('/token') === true) response.end('{"token":"abc"}');
      else if (request.headers.authorization !== 'Bearer abc') challenge(request, response, '');
      else if (request.url?.startsWith('/artifacts-downloads/') === true) serveBlob(request, response);
      else response.writeHead(302, { location: '/artifacts-downloads/namespaces/x/AB12' }).end();
    });
    await using client = clientOf(registry.url, { credentials: { get: () => Promise.resolve(owner) } });
    expect(
      (await readAll(await client.registry.openBlob(pause, digest, { offset: 5 }))).equals(bytes.subarray(5)),
    ).toBe(true);
    expect(await client.registry.headBlob(pause, digest)).toBe(bytes.length);
  });
});

describe('ECR Public', () => {
  it('answers 401 to HEAD of a blob that it gives to GET', async () => {
    await using storage = await scriptedServer(serveBlob, '127.0.0.2');
    await using registry = await scriptedServer((request, response) => {
      if (request.url?.startsWith('/token') === true) response.end('{"token":"abc"}');
      else if (request.headers.authorization !== 'Bearer abc' || request.method === 'HEAD') {
        challenge(request, response, ',service="public.ecr.aws",scope="aws"');
      } else response.writeHead(307, { location: `${storage.url}/b` }).end();
    });
    await using client = clientOf(registry.url);
    expect(await client.registry.headBlob(pause, digest)).toBe(bytes.length);
    expect(storage.requests).toEqual(['GET /b']);
  });

  it('knows the size of an empty blob too', async () => {
    await using registry = await scriptedServer((request, response) => {
      response.writeHead(request.method === 'HEAD' ? 405 : 416, { 'content-range': 'bytes */0' }).end();
    });
    await using client = clientOf(registry.url);
    expect(await client.registry.headBlob(pause, digest)).toBe(0);
  });

  it('that refuses GET as well does not have the blob for us', async () => {
    await using registry = await scriptedServer((_, response) => response.writeHead(401).end());
    await using client = clientOf(registry.url);
    expect((await failureOf(client.registry.headBlob(pause, digest))).kind).toBe('unauthorized');
  });
});

describe('registry.k8s.io', () => {
  const elsewhere = '/v2/k8s-artifacts-prod/images/pause';

  interface Seen {
    readonly line: string;
    readonly authorization: string | undefined;
  }

  /** A registry that keeps nothing itself, and the one behind it, which lets nobody in without a token. */
  async function twoRegistries(): Promise<
    AsyncDisposable & { readonly url: string; readonly seen: readonly Seen[]; expire(): void }
  > {
    const seen: Seen[] = [];
    let issued = 0;
    const behind = await scriptedServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://registry');
      const { authorization } = request.headers;
      seen.push({ line: `${request.method} ${request.url}`, authorization });
      if (url.pathname === '/token') response.end(`{"token":"guest-${(issued += 1)}"}`);
      else if (authorization !== `Bearer guest-${issued}` || issued === 0) {
        challenge(request, response, ',scope="repository:placeholder:pull"');
      } else if (url.pathname.includes('/blobs/')) serveBlob(request, response);
      else if (url.pathname.endsWith('/tags/list')) {
        const more = url.searchParams.get('last') === null;
        const link = `<${elsewhere}/tags/list?n=1000&last=a>; rel="next"`;
        response.writeHead(200, more ? { link } : {}).end(JSON.stringify({ tags: [more ? 'a' : 'b'] }));
      } else response.writeHead(200, { 'content-type': image.mediaType }).end(image.bytes);
    }, '127.0.0.2');
    const front = await scriptedServer((request, response) => {
      const location = behind.url + (request.url ?? '').replace('/v2/pause', elsewhere);
      response.writeHead(307, { location }).end();
    });
    return {
      url: front.url,
      seen,
      expire: () => void (issued += 1),
      async [Symbol.asyncDispose]() {
        await front[Symbol.asyncDispose]();
        await behind[Symbol.asyncDispose]();
      },
    };
  }

  it('sends everything to another registry, whose door opens to an anonymous token', async () => {
    await using registries = await twoRegistries();
    const credentials = { get: () => Promise.resolve(owner) };
    await using client = clientOf(registries.url, { credentials });
    expect((await client.registry.getManifest(pause, latest)).bytes.equals(image.bytes)).toBe(true);
    expect(registries.seen).toEqual([
      { line: `GET ${elsewhere}/manifests/latest`, authorization: undefined },
      {
        line: 'GET /token?scope=repository%3Ak8s-artifacts-prod%2Fimages%2Fpause%3Apull',
        authorization: undefined,
      },
      { line: `GET ${elsewhere}/manifests/latest`, authorization: 'Bearer guest-1' },
    ]);
    expect(
      (await readAll(await client.registry.openBlob(pause, digest, { offset: 9 }))).equals(bytes.subarray(9)),
    ).toBe(true);
    expect(await client.registry.headBlob(pause, digest)).toBe(bytes.length);
    expect(registries.seen.filter(({ line }) => line.includes('/token'))).toHaveLength(1);
  });

  it('has its pages listed over there', async () => {
    await using registries = await twoRegistries();
    await using client = clientOf(registries.url);
    expect(await client.registry.listTags(pause)).toEqual(['a', 'b']);
  });

  it('is given a new token when the old one has expired over there', async () => {
    await using registries = await twoRegistries();
    await using client = clientOf(registries.url);
    await client.registry.getManifest(pause, latest);
    registries.expire();
    await client.registry.getManifest(pause, latest);
    expect(registries.seen.filter(({ line }) => line.includes('/token'))).toHaveLength(2);
  });

  it('may not have an anonymous token asked for inside the local network', async () => {
    await using behind = await scriptedServer((request, response) => {
      const realm = `http://10.0.0.1/token`;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="${request.url}"` });
      response.end();
    });
    await using front = await scriptedServer((request, response) => {
      response.writeHead(307, { location: named(behind.url, 'other.example.net') + request.url }).end();
    });
    await using client = clientOf(front.url, { lookup: namesAt({ 'other.example.net': '127.0.0.1' }) });
    expect((await failureOf(client.registry.getManifest(pause, latest))).kind).toBe('invalid');
  });

  it('is not let in twice: a refused guest is refused', async () => {
    await using behind = await scriptedServer((request, response) => {
      if (request.url?.startsWith('/token') === true) response.end('{"token":"guest"}');
      else challenge(request, response, '');
    }, '127.0.0.2');
    await using front = await scriptedServer((request, response) => {
      response.writeHead(307, { location: behind.url + request.url }).end();
    });
    await using client = clientOf(front.url);
    expect((await failureOf(client.registry.getManifest(pause, latest))).kind).toBe('unauthorized');
    expect(behind.requests.filter((line) => line.includes('/token'))).toHaveLength(1);
  });
});

describe('MCR', () => {
  it('asks nobody who they are, and sends blobs to its data hosts', async () => {
    const shown: unknown[] = [];
    await using data = await scriptedServer((request, response) => {
      shown.push(request.headers.authorization);
      serveBlob(request, response);
    }, '127.0.0.2');
    await using registry = await scriptedServer((request, response) => {
      shown.push(request.headers.authorization);
      if (request.url?.includes('/blobs/') === true) {
        response.writeHead(307, { location: `${data.url}/01031d61e1024861afee5d512651eb9f/b?sig=x` }).end();
      } else response.writeHead(200, { 'content-type': image.mediaType }).end(image.bytes);
    });
    await using client = clientOf(registry.url);
    expect((await client.registry.getManifest(pause, latest)).bytes.equals(image.bytes)).toBe(true);
    expect((await readAll(await client.registry.openBlob(pause, digest, { offset: 0 }))).equals(bytes)).toBe(
      true,
    );
    expect(await client.registry.headBlob(pause, digest)).toBe(bytes.length);
    expect(new Set(shown)).toEqual(new Set([undefined]));
  });
});
