import { describe, expect, it } from 'vitest';
import { dialectServer } from './dialect.ts';
import { clientOf, failureOf, repositoryName, scriptedServer, tagReference } from './harness.ts';

const busybox = repositoryName('library/busybox');
const latest = tagReference('latest');
const owner = { username: 'owner', password: 'correct horse' };

describe('a token service', () => {
  it.each(['<html>', '{}', '{"token":""}', '{"token":"line\\nbreak"}', '{"token":7}', 'null', '"token"'])(
    'that answers %s has given no token',
    async (body) => {
      await using upstream = await scriptedServer((request, response) => {
        if (request.url?.startsWith('/token') === true) response.end(body);
        else {
          const realm = `http://${request.headers.host}/token`;
          response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
        }
      });
      await using client = clientOf(upstream.url);
      expect((await failureOf(client.registry.headManifest(busybox, latest))).kind).toBe('invalid');
    },
  );

  it('that is not there gives no verdict on the image', async () => {
    await using registry = await dialectServer({
      challenge: (origin) => `Bearer realm="${origin}/token"`,
      realm: '/token',
      token: () => ({ status: 404 }),
      status: () => 401,
    });
    await using client = clientOf(registry.url);
    expect(await failureOf(client.registry.headManifest(busybox, latest))).toMatchObject({
      kind: 'invalid',
      status: 404,
    });
  });

  it('is not followed when it redirects', async () => {
    await using stranger = await scriptedServer((_, response) => response.end('{"token":"x"}'), '127.0.0.3');
    await using upstream = await scriptedServer((request, response) => {
      if (request.url?.startsWith('/token') === true) {
        response.writeHead(302, { location: `${stranger.url}/token` }).end();
      } else {
        const realm = `http://${request.headers.host}/token`;
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
      }
    });
    for (const credentials of [owner, { identityToken: 'refresh-me' }]) {
      await using client = clientOf(upstream.url, {
        credentials: { get: () => Promise.resolve(credentials) },
      });
      expect((await failureOf(client.registry.headManifest(busybox, latest))).kind).toBe('invalid');
    }
    expect(stranger.requests).toEqual([]);
  });
});
