import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { mediaTypes } from '../../src/oci/media-type.ts';
import { ask, verdict } from '../support/ask.ts';
import { makeImage } from '../support/image.ts';
import { TestEntrepot, type TestEntrepotOptions } from '../support/test-entrepot.ts';
import { scriptedServer, type ScriptedServer } from './upstream/harness.ts';

const image = makeImage({ seed: 1 });
const other = makeImage({ seed: 2 });
const [layer = image.config] = image.layers;
const accept = { accept: Object.values(mediaTypes).join(', ') };

interface Dialect {
  /** The status of its answer to HEAD of a manifest, where that is not answered as GET is. */
  readonly head?: (request: IncomingMessage) => number | undefined;
  /** The status of its answer to GET. */
  readonly get?: (request: IncomingMessage) => number | undefined;
  /** Headers of manifests. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of a refusal. */
  readonly challenge?: string;
  readonly words?: string;
}

/** A registry with two tags, `v1` and `v2`, and a dialect. */
function registry({ head, get, headers, challenge, words = 'no' }: Dialect): Promise<ScriptedServer> {
  return scriptedServer((request, response) => {
    const refusal = (request.method === 'HEAD' ? head : get)?.(request);
    if (refusal !== undefined) {
      const errors = [{ code: 'DENIED', message: words }];
      if (challenge !== undefined) response.setHeader('www-authenticate', challenge);
      response.writeHead(refusal, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ errors }));
      return;
    }
    serve(request, response, headers);
  });
}

function serve(request: IncomingMessage, response: ServerResponse, headers?: Dialect['headers']): void {
  const [, noun, reference = ''] = /\/(manifests|blobs|tags)\/(.+)$/.exec(request.url ?? '') ?? [];
  const isOf = (manifest: typeof image, tag: string): boolean => [tag, manifest.digest].includes(reference);
  const manifest = isOf(image, 'v1') ? image : isOf(other, 'v2') ? other : undefined;
  if (noun === 'blobs' && reference === layer.digest) response.end(layer.bytes);
  else if (noun === 'tags') response.end('{"tags":["v1","v2"]}');
  else if (noun !== 'manifests' || manifest === undefined) response.writeHead(404).end();
  else {
    const { digest, mediaType } = manifest;
    const described = { 'content-type': mediaType, 'docker-content-digest': digest };
    response.writeHead(200, headers ?? { ...described, 'content-length': manifest.size });
    response.end(request.method === 'HEAD' ? undefined : manifest.bytes);
  }
}

async function mirrorOf(
  upstream: ScriptedServer,
  options: Partial<TestEntrepotOptions> = {},
): Promise<TestEntrepot> {
  return TestEntrepot.start({ upstream: upstream.url, name: 'registry.example', ...options });
}

const path = (noun: string): string => `/v2/owner/app/${noun}`;

describe('a registry that gives manifests to GET only', () => {
  it.each([400, 401, 403, 404, 405, 412, 500, 501, 503])('(HEAD is %i) is mirrored', async (status) => {
    await using upstream = await registry({ head: () => status });
    await using entrepot = await mirrorOf(upstream);

    const head = await ask(entrepot.url, path('manifests/v1'), accept, 'HEAD');
    const byTag = await ask(entrepot.url, path('manifests/v1'), accept);
    const byDigest = await ask(entrepot.url, path(`manifests/${other.digest}`), accept, 'HEAD');

    expect([head.status, head.headers['docker-content-digest']]).toStrictEqual([200, image.digest]);
    expect(verdict(byTag, image.bytes)).toBe('right');
    expect([byDigest.status, byDigest.headers['content-length']]).toStrictEqual([200, String(other.size)]);
    expect(upstream.requests.filter((line) => line.startsWith('GET'))).toStrictEqual([
      `GET ${path('manifests/v1')}`,
      `GET ${path(`manifests/${other.digest}`)}`,
    ]);
  });

  // A 401 has a challenge (RFC 9110, section 15.5.2), which need not be one that anybody here can answer.
  it.each(['Basic realm="r"', 'Negotiate'])('(HEAD is 401, %s) is mirrored', async (challenge) => {
    await using upstream = await registry({ head: () => 401, challenge });
    await using entrepot = await mirrorOf(upstream);

    const byTag = await ask(entrepot.url, path('manifests/v1'), accept);
    const byDigest = await ask(entrepot.url, path(`manifests/${other.digest}`), accept, 'HEAD');

    expect(verdict(byTag, image.bytes)).toBe('right');
    expect([byDigest.status, byDigest.headers['content-length']]).toStrictEqual([200, String(other.size)]);
  });

  it.each([405, 501])(
    '(HEAD is %i) is asked once for each manifest, and by HEAD once in all',
    async (status) => {
      await using upstream = await registry({ head: () => status });
      await using entrepot = await mirrorOf(upstream);

      await ask(entrepot.url, path('manifests/v1'), accept);
      await ask(entrepot.url, path('manifests/v2'), accept);
      await ask(entrepot.url, path(`manifests/${other.digest}`), accept);

      expect(upstream.requests).toStrictEqual([
        `HEAD ${path('manifests/v1')}`,
        `GET ${path('manifests/v1')}`,
        `GET ${path('manifests/v2')}`,
      ]);
    },
  );

  it.each([400, 401, 403, 404, 405, 501, 503])(
    '(HEAD is %i) is one whose public repositories are public, for tags and digests',
    async (status) => {
      await using upstream = await registry({ head: () => status });
      await using entrepot = await mirrorOf(upstream, {
        credentials: { username: 'robot', password: 'secret' },
        access: { private: 'authenticated' },
      });

      const byDigest = await ask(entrepot.url, path(`manifests/${other.digest}`), accept);
      const byTag = await ask(entrepot.url, path('manifests/v1'), accept);

      expect(verdict(byDigest, other.bytes)).toBe('right');
      expect(verdict(byTag, image.bytes)).toBe('right');
    },
  );

  // https://github.com/ollama/ollama/issues/6510, https://github.com/oras-project/oras-go/issues/882
  it('as text, in chunks, and with no digest, is mirrored like any other', async () => {
    await using upstream = await registry({
      head: () => 405,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'transfer-encoding': 'chunked' },
    });
    await using entrepot = await mirrorOf(upstream);

    const head = await ask(entrepot.url, path('manifests/v1'), accept, 'HEAD');
    const answer = await ask(entrepot.url, path('manifests/v1'), accept);

    expect([head.status, head.headers['docker-content-digest']]).toStrictEqual([200, image.digest]);
    expect(verdict(answer, image.bytes)).toBe('right');
    expect(answer.headers['content-type']).toBe(image.mediaType);
  });
});

describe('a registry that has answered HEAD', () => {
  it.each([401, 403, 404])('spends no GET on what it then refuses with %i to HEAD', async (status) => {
    await using upstream = await registry({
      head: ({ url }) => (url?.endsWith('.sig') === true ? status : undefined),
    });
    await using entrepot = await mirrorOf(upstream);
    await ask(entrepot.url, path('manifests/v1'), accept);
    const asked = upstream.requests.length;

    for (const name of ['a.sig', 'b.sig']) {
      expect((await ask(entrepot.url, path(`manifests/${name}`), accept, 'HEAD')).status).toBe(
        status === 404 ? 404 : 403,
      );
    }

    expect(upstream.requests.slice(asked)).toStrictEqual([
      `HEAD ${path('manifests/a.sig')}`,
      `HEAD ${path('manifests/b.sig')}`,
    ]);
  });

  // https://github.com/goharbor/harbor/issues/13740
  it.each([403, 412])('and refuses an image by a policy (%i) has its reason told', async (status) => {
    const isRefused = ({ url }: IncomingMessage): number | undefined =>
      url?.endsWith('/v1') === true || url?.endsWith(image.digest) === true ? status : undefined;
    const words = 'current image with 4 vulnerabilities cannot be pulled due to configured policy';
    await using upstream = await registry({ head: isRefused, get: isRefused, words });
    await using entrepot = await mirrorOf(upstream);
    await ask(entrepot.url, path('manifests/v2'), accept);

    for (const reference of ['v1', image.digest]) {
      const answer = await ask(entrepot.url, path(`manifests/${reference}`), accept);
      expect(answer.status).toBe(403);
      expect(answer.bytes.toString()).toContain(words);
    }
    expect((await ask(entrepot.url, path('manifests/v1'), accept, 'HEAD')).status).toBe(403);
  });

  it.each([403, 412])(
    'and refuses by a policy (%i) what another repository has given says why',
    async (status) => {
      const isRefused = ({ url }: IncomingMessage): number | undefined =>
        url?.includes('/owner/strict/manifests/') === true ? status : undefined;
      await using upstream = await registry({ head: isRefused, get: isRefused, words: 'not scanned yet' });
      await using entrepot = await mirrorOf(upstream);
      for (const tag of ['v1', 'v2']) await ask(entrepot.url, path(`manifests/${tag}`), accept);

      const answer = await ask(entrepot.url, `/v2/owner/strict/manifests/${image.digest}`, accept);

      expect(answer.status).toBe(403);
      expect(answer.bytes.toString()).toContain('not scanned yet');
    },
  );

  it('and refuses an image of a public repository by a policy has its reason told to everybody', async () => {
    const isRefused = ({ url }: IncomingMessage): number | undefined =>
      url?.endsWith('/v1') === true ? 412 : undefined;
    await using upstream = await registry({ head: isRefused, get: isRefused, words: 'vulnerable' });
    await using entrepot = await mirrorOf(upstream, {
      credentials: { username: 'robot', password: 'secret' },
      access: { private: 'authenticated' },
    });

    const answer = await ask(entrepot.url, path('manifests/v1'), accept);

    expect([answer.status, answer.bytes.toString()]).toStrictEqual([
      403,
      expect.stringContaining('vulnerable'),
    ]);
    expect(verdict(await ask(entrepot.url, path('manifests/v2'), accept), other.bytes)).toBe('right');
  });
});

describe('a registry that gives a manifest by its tag only', () => {
  it.each([403, 404, 410, 500])('(its digest is %i) is mirrored, by the digest too', async (status) => {
    await using upstream = await registry({
      get: ({ url }) => (url?.includes('sha256:') === true ? status : undefined),
      head: ({ url }) => (url?.includes('sha256:') === true ? status : undefined),
    });
    await using entrepot = await mirrorOf(upstream);

    // As dockerd and containerd ask.
    const head = await ask(entrepot.url, path('manifests/v1'), accept, 'HEAD');
    const byDigest = await ask(entrepot.url, path(`manifests/${image.digest}`), accept);
    const byTag = await ask(entrepot.url, path('manifests/v2'), accept);

    expect(head.headers['docker-content-digest']).toBe(image.digest);
    expect(verdict(byDigest, image.bytes)).toBe('right');
    expect(verdict(byTag, other.bytes)).toBe('right');
  });
});
