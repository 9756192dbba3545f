import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { CredentialProvider, Credentials } from '../../../src/upstream/auth/credentials.ts';
import { basic, dialectServer } from './dialect.ts';
import {
  clientOf,
  failureOf,
  repositoryName,
  scriptedServer,
  tagReference,
  type ScriptedServer,
} from './harness.ts';

const busybox = repositoryName('library/busybox');
const latest = tagReference('latest');
const owner = { username: 'owner', password: 'correct horse' };

function provided(credentials: Credentials): CredentialProvider {
  return { get: () => Promise.resolve(credentials) };
}

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

  it('may give a token of whatever characters a header can have', async () => {
    const token = 'v1|abc%2F{"x"}==';
    await using registry = await dialectServer({
      challenge: (origin) => `Bearer realm="${origin}/token"`,
      realm: '/token',
      token: () => ({ body: { token } }),
      status: (authorization) => (authorization === `Bearer ${token}` ? 200 : 401),
    });
    await using client = clientOf(registry.url);
    expect((await client.registry.getManifest(busybox, latest)).bytes.toString()).toBe('{}');
  });

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

  it('is not followed to a stranger', async () => {
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

  it.each([301, 302, 303, 307, 308])(
    'that answers %i on its own origin is followed there',
    async (status) => {
      await using hub = await movedTokenService(status, '/new/token?account=kept');
      await using anonymous = clientOf(hub.url);
      await anonymous.registry.headManifest(busybox, latest);
      await using client = clientOf(hub.url, { credentials: provided(owner) });
      await client.registry.headManifest(busybox, latest);
      expect(hub.asked).toEqual([
        { line: 'GET /new/token?account=kept', authorization: undefined, body: '' },
        { line: 'GET /new/token?account=kept', authorization: basic('owner', 'correct horse'), body: '' },
      ]);
    },
  );

  it.each([307, 308])('that answers a POST with %i is sent the same form again', async (status) => {
    await using hub = await movedTokenService(status, '/new/token');
    await using client = clientOf(hub.url, { credentials: provided({ identityToken: 'refresh-me' }) });
    await client.registry.headManifest(busybox, latest);
    expect(hub.asked).toHaveLength(1);
    expect(hub.asked[0]?.line).toBe('POST /new/token');
    expect(new URLSearchParams(hub.asked[0]?.body).get('refresh_token')).toBe('refresh-me');
  });

  it.each([301, 302, 303])(
    'that answers a POST with %i is not asked as if nobody had an account',
    async (status) => {
      await using hub = await movedTokenService(status, '/new/token');
      await using client = clientOf(hub.url, { credentials: provided({ identityToken: 'refresh-me' }) });
      expect(await failureOf(client.registry.headManifest(busybox, latest))).toMatchObject({
        kind: 'invalid',
        message: expect.stringContaining(`answers a POST with ${status}`) as string,
      });
      expect(hub.asked).toEqual([]);
    },
  );

  it('is followed ten times, not for ever', async () => {
    await using hub = await movedTokenService(302, '/token');
    await using client = clientOf(hub.url);
    expect((await failureOf(client.registry.headManifest(busybox, latest))).kind).toBe('invalid');
    expect(hub.requests.filter((line) => line.startsWith('GET /token'))).toHaveLength(11);
  });

  it.each(['https://', 'ftp://127.0.0.1/token', 'http://user:s3cret@127.0.0.1/token', undefined])(
    'that redirects to %s is not followed',
    async (location) => {
      await using hub = await movedTokenService(302, location);
      await using client = clientOf(hub.url);
      const failure = await failureOf(client.registry.headManifest(busybox, latest));
      expect(failure.kind).toBe('invalid');
      expect(failure.message).not.toContain('s3cret');
    },
  );

  it('at another address is shown the account where the operator has named it, and asked nothing elsewhere', async () => {
    await using service = await movedTokenService(200, undefined, '127.0.0.3');
    await using registry = await scriptedServer((request, response) => {
      const { authorization } = request.headers;
      const realm = `Bearer realm="${service.url}/new/token"`;
      if (authorization === 'Bearer good') response.end('{}');
      else response.writeHead(401, { 'www-authenticate': realm }).end();
    });
    for (const credentials of [undefined, provided(owner)]) {
      await using stranger = clientOf(registry.url, { credentials });
      const { kind, message } = await failureOf(stranger.registry.getManifest(busybox, latest));
      expect(kind).toBe('invalid');
      expect(message).toContain('name it in the `redirects` of this upstream');
      expect(service.asked).toEqual([]);
    }
    const redirects = ['127.0.0.3'];
    for (const credentials of [undefined, provided(owner)]) {
      await using client = clientOf(registry.url, { credentials, redirects });
      await client.registry.getManifest(busybox, latest);
    }
    expect(service.asked.map(({ authorization }) => authorization)).toEqual([
      undefined,
      basic('owner', 'correct horse'),
    ]);
  });
});

interface MovedTokenService extends ScriptedServer {
  /** What came to the new place. */
  readonly asked: readonly { line: string; authorization: string | undefined; body: string }[];
}

/** A registry whose token service has moved to `location`, and gives good tokens at `/new/token`. */
async function movedTokenService(
  status: number,
  location: string | undefined,
  host?: string,
): Promise<MovedTokenService> {
  const asked: { line: string; authorization: string | undefined; body: string }[] = [];
  const server = await scriptedServer((request, response) => {
    const { method, url = '' } = request;
    const { authorization } = request.headers;
    if (url.startsWith('/new/token')) {
      void text(request).then((body) => {
        asked.push({ line: `${method} ${url}`, authorization, body });
        response.end('{"token":"good"}');
      });
    } else if (url.startsWith('/token')) {
      response.writeHead(status, location === undefined ? {} : { location }).end();
    } else if (authorization === 'Bearer good') response.end('{}');
    else {
      const realm = `http://${request.headers.host}/token`;
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
    }
  }, host);
  return { ...server, asked };
}
