import { describe, expect, it } from 'vitest';
import { mediaTypes } from '../../../src/oci/media-type.ts';
import { clientOf, failureOf, repositoryName, scriptedServer, tagReference } from './harness.ts';
import { makeImage } from '../../support/image.ts';

const app = repositoryName('owner/app');
const v1 = tagReference('v1');
const image = makeImage();
const page = '<!doctype html><title>Sign in, please: hunter2</title>';

const nonsense = [
  ['a web page', { 'content-type': 'text/html; charset=utf-8' }, page, `text/html, ${page.length} bytes`],
  ['nothing', { 'content-type': image.mediaType }, '', 'an empty body'],
  ['half a manifest', { 'content-type': image.mediaType }, image.bytes.subarray(0, 100), '100 bytes'],
  ['a list', {}, '[]', 'no content type, 2 bytes'],
] as const;

describe('a registry that answers 200', () => {
  it.each(nonsense)('and %s in place of a manifest is said to', async (_, headers, body, looks) => {
    await using upstream = await scriptedServer((_request, response) => {
      response.writeHead(200, headers).end(body);
    });
    await using client = clientOf(upstream.url);
    const { host } = new URL(upstream.url);
    for (const reference of [v1, { digest: image.digest }]) {
      const { kind, status, message } = await failureOf(client.registry.getManifest(app, reference));
      expect([kind, status]).toEqual(['invalid', 200]);
      expect(message).toContain(`${host} answers with something other than a manifest: `);
      expect(message).toContain(looks);
      expect(message).not.toContain('hunter2');
    }
  });

  it.each(nonsense)('and %s in place of a list of tags is said to', async (_, headers, body, looks) => {
    await using upstream = await scriptedServer((_request, response) => {
      response.writeHead(200, headers).end(body);
    });
    await using client = clientOf(upstream.url);
    const { kind, message } = await failureOf(client.registry.listTags(app));
    expect(kind).toBe('invalid');
    expect(message).toContain(looks);
    expect(message).not.toContain('hunter2');
  });

  it.each(nonsense)('and %s in place of what a search found is said to', async (_, headers, body, looks) => {
    await using upstream = await scriptedServer((_request, response) => {
      response.writeHead(200, headers).end(body);
    });
    await using client = clientOf(upstream.url);
    const { kind, message } = await failureOf(client.registry.search('x', 1));
    expect([kind, message]).toEqual(['invalid', expect.stringContaining(looks)]);
  });

  it.each(nonsense)('and %s in place of a token is said to', async (_, headers, body, looks) => {
    await using upstream = await scriptedServer((request, response) => {
      if (request.url?.startsWith('/token') === true) response.writeHead(200, headers).end(body);
      else {
        const realm = `Bearer realm="http://${request.headers.host}/token"`;
        response.writeHead(401, { 'www-authenticate': realm }).end();
      }
    });
    await using client = clientOf(upstream.url);
    const { kind, message } = await failureOf(client.registry.getManifest(app, v1));
    expect([kind, message]).toEqual(['invalid', expect.stringContaining(looks)]);
    expect(message).not.toContain('hunter2');
  });

  it.each([
    ['nothing', '', 'an empty body'],
    ['half a list', '{"manifests":[', '14 bytes'],
  ])('and %s in place of a list of referrers is said to', async (_, body, looks) => {
    await using upstream = await scriptedServer((_request, response) => {
      response.writeHead(200, { 'content-type': mediaTypes.ociIndex }).end(body);
    });
    await using client = clientOf(upstream.url);
    const { kind, message } = await failureOf(client.registry.referrers(app, image.digest));
    expect([kind, message]).toEqual(['invalid', expect.stringContaining(looks)]);
  });

  it('through a portal that sends everybody to its page is said to, by the name of that', async () => {
    await using portal = await scriptedServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end(page);
    }, '127.0.0.2');
    await using upstream = await scriptedServer((_, response) => {
      response.writeHead(302, { location: `${portal.url}/login` }).end();
    });
    await using client = clientOf(upstream.url, { redirects: [new URL(portal.url).host] });
    const { host } = new URL(portal.url);
    for (const asked of [client.registry.getManifest(app, v1), client.registry.listTags(app)]) {
      const { kind, message } = await failureOf(asked);
      expect(kind).toBe('invalid');
      expect(message).toContain(host);
      expect(message).toContain(`text/html, ${page.length} bytes`);
    }
  });
});
