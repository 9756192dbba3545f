import { describe, expect, it } from 'vitest';
import { clientOf, failureOf, repositoryName, scriptedServer, tagReference } from './harness.ts';

const busybox = repositoryName('library/busybox');
const secret = repositoryName('team/secret');
const latest = tagReference('latest');
const owner = { username: 'owner', password: 'correct horse' };

describe('an upstream with ways of its own', () => {
  it('gets the scope that it asks for when that names no repository (ECR Public)', async () => {
    await using upstream = await scriptedServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://registry');
      if (url.pathname === '/token') response.end('{"token":"abc"}');
      else if (request.headers.authorization === 'Bearer abc') response.end('{}');
      else {
        const realm = `http://${request.headers.host}/token`;
        const challenge = `Bearer realm="${realm}",service="public.ecr.aws",scope="aws"`;
        response.writeHead(401, { 'www-authenticate': challenge }).end();
      }
    });
    await using client = clientOf(upstream.url);
    await client.registry.getManifest(busybox, latest);
    await client.registry.getManifest(secret, latest);
    expect(upstream.requests.filter((line) => line.includes('/token'))).toEqual([
      'GET /token?service=public.ecr.aws&scope=aws',
    ]);
  });

  it('gets our own scope when its challenge has a placeholder (GHCR), and no service when it names none', async () => {
    await using upstream = await scriptedServer((request, response) => {
      if (request.url?.startsWith('/token') === true) response.end('{"access_token":"abc"}');
      else if (request.headers.authorization === 'Bearer abc') response.end('{}');
      else {
        const realm = `http://${request.headers.host}/token`;
        const challenge = `Bearer realm="${realm}",scope="repository:user/image:pull"`;
        response.writeHead(401, { 'www-authenticate': challenge }).end();
      }
    });
    await using client = clientOf(upstream.url);
    await client.registry.getManifest(busybox, latest);
    expect(upstream.requests[1]).toBe('GET /token?scope=repository%3Alibrary%2Fbusybox%3Apull');
  });

  it('gets a new token when it answers 400 to one that has expired (ECR Public)', async () => {
    let issued = 0;
    await using upstream = await scriptedServer((request, response) => {
      if (request.url?.startsWith('/token') === true) response.end(`{"token":"t${(issued += 1)}"}`);
      else if (request.headers.authorization === undefined) {
        const realm = `http://${request.headers.host}/token`;
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
      } else {
        const good =
          request.url?.includes('secret') === false || request.headers.authorization === 'Bearer t2';
        response.writeHead(good ? 200 : 400).end();
      }
    });
    await using client = clientOf(upstream.url);
    await client.registry.headManifest(secret, latest).catch(() => undefined);
    await client.registry.headManifest(secret, latest);
    expect(issued).toBe(2);
  });

  it.each(['<html>', '{}', '{"token":""}', '{"token":"line\\nbreak"}', '{"token":7}', 'null', '"token"'])(
    'makes no token of %s',
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

  it('is not followed when its token service redirects', async () => {
    await using stranger = await scriptedServer((_, response) => response.end('{"token":"x"}'), '127.0.0.3');
    await using upstream = await scriptedServer((request, response) => {
      if (request.url?.startsWith('/token') === true) {
        response.writeHead(302, { location: `${stranger.url}/token` }).end();
      } else {
        const realm = `http://${request.headers.host}/token`;
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
      }
    });
    await using client = clientOf(upstream.url, { credentials: { get: () => Promise.resolve(owner) } });
    expect((await failureOf(client.registry.headManifest(busybox, latest))).kind).toBe('invalid');
    expect(stranger.requests).toEqual([]);
  });
});
