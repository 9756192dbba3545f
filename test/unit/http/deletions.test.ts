import { beforeEach, describe, expect, test } from 'vitest';
import { createHttpApp } from '../../../src/http/app.ts';
import { challenge, type AuthScheme } from '../../../src/http/auth/auth-scheme.ts';
import { Authenticator } from '../../../src/http/auth/authenticator.ts';
import { anonymous } from '../../../src/mirror/access/reader.ts';
import { registryErrors } from '../../../src/oci/error.ts';
import { FakeMirror } from '../../support/fake-mirror.ts';
import { logLines } from '../../support/log-lines.ts';
import { TestClock } from '../../support/test-clock.ts';
import { errorCode, unheld } from './answers.ts';

/**
 * `Bearer NAME` is alice with a token that lets her pull from everywhere, and delete from the repository
 * NAME.
 */
const bearer: AuthScheme = {
  name: 'bearer',
  login: (name) =>
    Promise.resolve({
      reader: {
        ...anonymous,
        user: 'alice',
        repositories: new Set(['box', 'other']),
        deletable: new Set([name]),
      },
      outcome: 'accepted',
    }),
  challenge: ({ scope, error }) => challenge('Bearer', { realm: 'r', scope, error }),
};

let mirror: FakeMirror;
let log: ReturnType<typeof logLines>;
let app: ReturnType<typeof createHttpApp>;

function build(deletions: boolean, headers: Record<string, string[]> = {}): void {
  const { logger } = log;
  const clock = new TestClock();
  const logins = new Authenticator({ schemes: [bearer], closed: false, logger, clock });
  app = createHttpApp({ mirror, logger, clock, logins, headers, deletions });
}

beforeEach(() => {
  mirror = new FakeMirror();
  log = logLines();
  mirror.putManifest('box', 'v1', Buffer.from('{}'));
  build(true);
});

async function send(
  method: string,
  path: string,
  headers: Record<string, string> = { authorization: 'Bearer box' },
): Promise<Response> {
  return await app.request(path, { method, headers });
}

describe('a deletion', () => {
  test('is answered as registry:2 does: 202, without a body', async () => {
    const response = await send('DELETE', '/v2/box/manifests/v1');
    expect([response.status, await response.text()]).toStrictEqual([202, '']);
    expect(response.headers.get('content-length')).toBe('0');
    expect(response.headers.get('docker-distribution-api-version')).toBe('registry/2.0');
    expect(mirror.calls).toStrictEqual(['remove box v1']);
  });

  test('goes by digest, too', async () => {
    const digest = mirror.putManifest('box', 'v2', Buffer.from('{"v":2}'));
    expect((await send('DELETE', `/v2/box/manifests/${digest}`)).status).toBe(202);
    expect(mirror.calls).toStrictEqual([`remove box ${digest}`]);
  });

  test('is in the log, with who asked for it and what went', async () => {
    await send('DELETE', '/v2/box/manifests/v1');
    expect(log.lines).toMatchObject([
      { level: 30, user: 'alice', name: 'box', reference: 'v1', tags: ['v1'], manifests: 1, bytes: 2 },
    ]);
  });

  test('of what is not held is a 404, which the log does not call a deletion', async () => {
    const response = await send('DELETE', '/v2/box/manifests/v9');
    expect([response.status, await errorCode(response)]).toStrictEqual([404, 'MANIFEST_UNKNOWN']);
    expect(log.lines).toStrictEqual([]);
  });

  test.each([
    ['/v2/box/manifests/-v1', 404, 'MANIFEST_UNKNOWN'],
    ['/v2/box/manifests/sha256:abc', 400, 'DIGEST_INVALID'],
    ['/v2/Box/manifests/v1', 400, 'NAME_INVALID'],
  ])('of %s makes no sense', async (path, status, code) => {
    const response = await send('DELETE', path);
    expect([response.status, await errorCode(response)]).toStrictEqual([status, code]);
    expect(mirror.calls).toStrictEqual([]);
  });

  test('of a blob, or of an upload, is refused all the same', async () => {
    for (const path of [`/v2/box/blobs/${unheld}`, '/v2/box/blobs/uploads/some-id']) {
      const response = await send('DELETE', path);
      expect([response.status, await errorCode(response)]).toStrictEqual([405, 'UNSUPPORTED']);
    }
    expect(mirror.calls).toStrictEqual([]);
  });

  test('is offered where it is allowed, and only there', async () => {
    const allowed = async (path: string): Promise<string | null> =>
      (await send('OPTIONS', path)).headers.get('allow');
    expect(await allowed('/v2/box/manifests/v1')).toBe('GET, HEAD, DELETE, OPTIONS');
    expect(await allowed(`/v2/box/blobs/${unheld}`)).toBe('GET, HEAD, OPTIONS');
    build(false);
    expect(await allowed('/v2/box/manifests/v1')).toBe('GET, HEAD, OPTIONS');
    const refused = await send('DELETE', '/v2/box/manifests/v1');
    expect([refused.status, refused.headers.get('allow')]).toStrictEqual([405, 'GET, HEAD, OPTIONS']);
    expect(mirror.calls).toStrictEqual([]);
  });
});

describe('a token for deletions', () => {
  test('says with its bearer what may be deleted', async () => {
    await send('DELETE', '/v2/box/manifests/v1');
    expect(mirror.targets).toMatchObject([{ reader: { user: 'alice', deletable: new Set(['box']) } }]);
  });

  test.each([
    ['box', 'Bearer realm="r",scope="repository:box:delete"'],
    ['other', 'Bearer realm="r",scope="repository:box:delete",error="insufficient_scope"'],
  ])(
    'for %s, where another login is needed for box, is told which scope that has',
    async (name, expected) => {
      mirror.failure = registryErrors.unauthorized('authentication required', {
        repository: 'box',
      });
      const response = await send('DELETE', '/v2/box/manifests/v1', { authorization: `Bearer ${name}` });
      expect([response.status, response.headers.get('www-authenticate')]).toStrictEqual([401, expected]);
    },
  );
});

test('errors carry the headers that web pages of other origins need', async () => {
  build(false, { 'Access-Control-Allow-Origin': ['http://ui.example'] });
  mirror.failure = registryErrors.unauthorized('authentication required');
  for (const [method, path, status] of [
    ['GET', '/v2/_catalog', 401],
    ['DELETE', '/v2/box/manifests/v1', 405],
    ['GET', '/v2/box/nothing', 404],
  ] as const) {
    const response = await send(method, path, { origin: 'http://ui.example' });
    expect(response.status, path).toBe(status);
    expect(response.headers.get('access-control-allow-origin'), path).toBe('http://ui.example');
  }
});
