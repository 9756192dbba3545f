import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { clientOf, failureOf, repositoryName, scriptedServer } from './harness.ts';

const busybox = repositoryName('library/busybox');
const subject = digestOf(Buffer.from('subject'));
const path = `/v2/library/busybox/referrers/${subject}`;

function descriptor(text: string): object {
  return {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: digestOf(Buffer.from(text)),
    size: text.length,
    artifactType: 'application/vnd.example+json',
    annotations: { 'org.example': text },
  };
}

function index(...manifests: readonly object[]): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests,
  });
}

describe('referrers', () => {
  it('are listed as upstream does, pages followed as they are linked', async () => {
    await using upstream = await scriptedServer((request, response) => {
      if (request.url === path) {
        // A word for word link: relative, as Quay's, and with a token of its own.
        response.writeHead(200, { link: `<${path}?next_page=gAAAA%2B%3D&n=1>; rel="next"` });
        response.end(index(descriptor('a'), descriptor('b')));
      } else response.end(index(descriptor('c')));
    });
    await using client = clientOf(upstream.url);
    expect(await client.registry.referrers(busybox, subject)).toEqual([
      descriptor('a'),
      descriptor('b'),
      descriptor('c'),
    ]);
    expect(upstream.requests).toEqual([`GET ${path}`, `GET ${path}?next_page=gAAAA%2B%3D&n=1`]);
  });

  it('are asked for at the upstream itself, wherever the next page is linked', async () => {
    await using upstream = await scriptedServer((request, response) => {
      const more = request.url === path;
      if (more) response.setHeader('link', `<https://10.0.0.1:8443/registry${path}?p=2>; rel=next`);
      response.end(index(descriptor(more ? 'a' : 'b')));
    });
    await using client = clientOf(upstream.url);
    expect(await client.registry.referrers(busybox, subject)).toEqual([descriptor('a'), descriptor('b')]);
    expect(upstream.requests).toEqual([`GET ${path}`, `GET ${path}?p=2`]);
  });

  it('fail when the next page is linked in a way that nobody can follow', async () => {
    await using upstream = await scriptedServer((_, response) => {
      response.writeHead(200, { link: `<${path}?p=2; rel="next"` }).end(index(descriptor('a')));
    });
    await using client = clientOf(upstream.url);
    expect((await failureOf(client.registry.referrers(busybox, subject))).kind).toBe('invalid');
  });

  it('may be none', async () => {
    await using upstream = await scriptedServer((_, response) => response.end(index()));
    await using client = clientOf(upstream.url);
    expect(await client.registry.referrers(busybox, subject)).toEqual([]);
  });

  it.each([404, 405])('are undefined where the API is answered with %i', async (status) => {
    await using upstream = await scriptedServer((_, response) => response.writeHead(status).end());
    await using client = clientOf(upstream.url);
    expect(await client.registry.referrers(busybox, subject)).toBeUndefined();
  });

  it('are undefined where a 303 leads to a web page, which is not fetched (GHCR)', async () => {
    await using website = await scriptedServer((_, response) => response.end('<html>'));
    await using upstream = await scriptedServer((_, response) => {
      response.writeHead(303, { location: `${website.url}/login` }).end();
    });
    await using client = clientOf(upstream.url);
    expect(await client.registry.referrers(busybox, subject)).toBeUndefined();
    expect(website.requests).toEqual([]);
  });

  it.each(['<!doctype html>', '{}', '404 page not found'])(
    'are undefined where the answer is %j',
    async (body) => {
      await using upstream = await scriptedServer((_, response) => response.end(body));
      await using client = clientOf(upstream.url);
      expect(await client.registry.referrers(busybox, subject)).toBeUndefined();
    },
  );

  it.each([
    [401, 'unauthorized'],
    [403, 'denied'],
    [429, 'rate-limited'],
    [500, 'unavailable'],
    [503, 'unavailable'],
  ] as const)('fail with %i as %s', async (status, kind) => {
    await using upstream = await scriptedServer((_, response) => response.writeHead(status).end());
    await using client = clientOf(upstream.url);
    expect((await failureOf(client.registry.referrers(busybox, subject))).kind).toBe(kind);
  });

  it('fail when a later page is missing', async () => {
    await using upstream = await scriptedServer((request, response) => {
      if (request.url === path) {
        response.writeHead(200, { link: `<${path}?p=2>; rel="next"` }).end(index(descriptor('a')));
      } else response.writeHead(404).end();
    });
    await using client = clientOf(upstream.url);
    expect((await failureOf(client.registry.referrers(busybox, subject))).kind).toBe('not-found');
  });

  it('fail when a descriptor is malformed', async () => {
    await using upstream = await scriptedServer((_, response) => {
      response.end(index({ ...descriptor('a'), digest: 'sha256:short' }));
    });
    await using client = clientOf(upstream.url);
    expect((await failureOf(client.registry.referrers(busybox, subject))).kind).toBe('invalid');
  });

  it('of a list without end stop after 100 pages', async () => {
    await using upstream = await scriptedServer((request, response) => {
      const page = Number(new URL(request.url ?? '', 'http://registry').searchParams.get('p') ?? 0);
      response.writeHead(200, { link: `<${path}?p=${page + 1}>; rel="next"` });
      response.end(index(descriptor(`at ${page}`)));
    });
    await using client = clientOf(upstream.url);
    expect(await client.registry.referrers(busybox, subject)).toHaveLength(100);
  });
});
