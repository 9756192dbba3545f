import { beforeEach, describe, expect, test } from 'vitest';
import { createHttpApp } from '../../../src/http/app.ts';
import { Authenticator } from '../../../src/http/auth/authenticator.ts';
import { challenge, noLogin, refusedLogin, type AuthScheme } from '../../../src/http/auth/auth-scheme.ts';
import { anonymous } from '../../../src/mirror/access/reader.ts';
import { clientError } from '../../../src/upstream/failure-policy.ts';
import { registryErrors } from '../../../src/oci/error.ts';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { FakeMirror } from '../../support/fake-mirror.ts';
import { logLines } from '../../support/log-lines.ts';
import { TestClock } from '../../support/test-clock.ts';
import { errorCode } from './answers.ts';

const alice = { ...anonymous, user: 'alice', groups: ['staff'] };
const digest = `sha256:${'a'.repeat(64)}`;
const apiVersion = 'docker-distribution-api-version';

let mirror: FakeMirror;
let log: ReturnType<typeof logLines>;
let clock: TestClock;
/** How often credentials were checked. */
let checked: number;
let app: ReturnType<typeof createHttpApp>;

/** `Bearer good` is alice with a token for box, `Bearer bad` an invalid one. */
const bearer: AuthScheme = {
  name: 'bearer',
  login: (token) =>
    Promise.resolve(
      token === 'good'
        ? { reader: { ...alice, repositories: new Set(['box']) }, outcome: 'accepted' }
        : { reader: anonymous, outcome: 'invalid' },
    ),
  challenge: ({ scope, error }) => challenge('Bearer', { realm: 'r', scope, error }),
};

/** `Basic good` is alice, `Basic flood` one too many. */
const basic: AuthScheme = {
  name: 'basic',
  login: (credentials) => {
    checked += 1;
    if (credentials === 'flood') {
      return Promise.reject(registryErrors.tooManyRequests('too many logins at once', { retryAfter: 2 }));
    }
    if (credentials === 'empty') return Promise.resolve(noLogin);
    return Promise.resolve(credentials === 'good' ? { reader: alice, outcome: 'accepted' } : refusedLogin);
  },
  challenge: () => challenge('Basic', { realm: 'mirror' }),
};

function build(schemes: readonly AuthScheme[], closed = false): void {
  const logins = new Authenticator({ schemes, closed, logger: log.logger, clock });
  app = createHttpApp({ mirror, logger: log.logger, clock, logins });
}

beforeEach(() => {
  mirror = new FakeMirror();
  log = logLines('trace');
  clock = new TestClock();
  checked = 0;
  build([basic]);
});

async function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
  return await app.request(path, { method, headers });
}

describe('the version check', () => {
  test('is 200 for a good login', async () => {
    const response = await get('/v2/', { authorization: 'Basic good' });
    expect([response.status, await response.text()]).toStrictEqual([200, '{}']);
  });

  test.each([
    {},
    { authorization: 'Basic bad' },
    { authorization: 'Basic empty' },
    { authorization: 'Bearer x' },
  ])('is a challenge for %j', async (headers: Record<string, string>) => {
    const response = await get('/v2/', headers);
    expect([response.status, await errorCode(response)]).toStrictEqual([401, 'UNAUTHORIZED']);
    expect(response.headers.get('www-authenticate')).toBe('Basic realm="mirror"');
    expect(response.headers.get(apiVersion)).toBe('registry/2.0');
  });

  test('offers every way to log in', async () => {
    build([basic, bearer]);
    expect((await get('/v2/')).headers.get('www-authenticate')).toBe(
      'Basic realm="mirror", Bearer realm="r"',
    );
  });

  test('is 200 for everybody where nobody can log in', async () => {
    app = createHttpApp({ mirror, logger: log.logger, clock });
    expect((await get('/v2/', { authorization: 'Basic bad' })).status).toBe(200);
  });
});

describe('content', () => {
  test('is asked for in the name of who has logged in', async () => {
    mirror.putManifest('box', 'v1', Buffer.from('{}'));
    await get('/v2/box/manifests/v1', { authorization: 'Basic good' });
    await get('/v2/_catalog', { authorization: 'Basic good' });
    await get('/v1/search?q=box', { authorization: 'Basic good' });
    expect(mirror.targets.map(({ reader }) => reader)).toStrictEqual([alice]);
    expect(mirror.readers).toStrictEqual([alice, alice]);
  });

  test.each([{}, { authorization: 'Basic of-docker-hub' }, { authorization: 'Bearer of-docker-hub' }])(
    'is asked for in nobody’s name with %j',
    async (headers: Record<string, string>) => {
      mirror.putManifest('box', 'v1', Buffer.from('{}'));
      expect((await get('/v2/box/manifests/v1', headers)).status).toBe(200);
      expect(mirror.targets.map(({ reader }) => reader)).toStrictEqual([anonymous]);
    },
  );

  test('that needs a login is a challenge', async () => {
    mirror.failure = registryErrors.unauthorized('authentication required', {
      repository: 'box',
    });
    const response = await get('/v2/box/tags/list');
    expect([response.status, response.headers.get('www-authenticate')]).toStrictEqual([
      401,
      'Basic realm="mirror"',
    ]);
    expect(response.headers.get(apiVersion)).toBe('registry/2.0');
  });

  test('that upstream refuses is no challenge, and hence no 401: a login here would not help', async () => {
    const refusal = new UpstreamError('unauthorized', 'hub.test: 401 Unauthorized', { status: 401 });
    mirror.failure = clientError(refusal, () => registryErrors.nameUnknown('box'));
    const response = await get('/v2/box/tags/list');
    expect([response.status, response.headers.get('www-authenticate')]).toStrictEqual([403, null]);
    expect(await response.json()).toStrictEqual({
      errors: [{ code: 'DENIED', message: 'hub.test: 401 Unauthorized' }],
    });
  });

  test('has to wait when there are too many logins', async () => {
    const response = await get('/v2/box/manifests/v1', { authorization: 'Basic flood' });
    expect([response.status, response.headers.get('retry-after')]).toStrictEqual([429, '2']);
    expect(mirror.calls).toStrictEqual([]);
  });
});

describe('a token', () => {
  beforeEach(() => build([bearer]));

  test('that is no good is refused, so that the client gets another one', async () => {
    const response = await get('/v2/box/manifests/v1', { authorization: 'Bearer bad' });
    expect([response.status, await errorCode(response)]).toStrictEqual([401, 'UNAUTHORIZED']);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="r",error="invalid_token"');
    expect(mirror.calls).toStrictEqual([]);
  });

  test.each([
    ['box', 'Bearer realm="r",scope="repository:box:pull"'],
    ['other', 'Bearer realm="r",scope="repository:other:pull",error="insufficient_scope"'],
  ])('for box, for what is not there in %s, is asked for a login', async (repository, expected) => {
    mirror.failure = registryErrors.manifestUnknown('v1', undefined, { hidden: true, repository });
    const response = await get('/v2/x/manifests/v1', { authorization: 'Bearer good' });
    expect([response.status, response.headers.get('www-authenticate')]).toStrictEqual([401, expected]);
  });

  test('for the catalog has a scope to be asked for, without which web pages ask for none', async () => {
    mirror.failure = registryErrors.unauthorized('authentication required');
    expect((await get('/v2/_catalog')).headers.get('www-authenticate')).toBe(
      'Bearer realm="r",scope="registry:catalog:*"',
    );
  });
});

describe('what is hidden', () => {
  beforeEach(() => {
    mirror.failure = registryErrors.manifestUnknown('v1', undefined, { hidden: true, repository: 'box' });
  });

  test.each([
    ['/v2/box/manifests/v1?ns=ghcr.io', 'docker/29.0'],
    ['/v2/box/manifests/v1', 'docker/20.10.24 go/go1.19.8'],
    ['/v2/box/manifests/v1', 'containerd/v2.1.0'],
    ['/v2/box/manifests/v1', 'buildkit/v0.25'],
    ['/v2/box/manifests/v1', 'containers/5.39.2 (github.com/containers/image)'],
    ['/v2/box/manifests/v1', 'crane/v0.22.1 go-containerregistry/v0.22.1'],
    ['/v2/box/manifests/v1', 'cosign/v3.1.3 go-containerregistry/v0.22.1'],
    ['/v2/box/manifests/v1', 'oras/1.3.3'],
    ['/v2/box/manifests/v1', 'regclient/regctl (v0.11.7)'],
    ['/v2/box/tags/list', ''],
    [`/v2/box/blobs/${digest}`, ''],
  ])('is a challenge to who has not logged in, pinged before or not (%s, %s)', async (path, userAgent) => {
    // podman shows an empty name and password where it has none, dockerd perhaps those for Docker Hub.
    for (const shown of [{}, { authorization: 'Basic empty' }, { authorization: 'Basic of-docker-hub' }]) {
      for (const method of ['GET', 'HEAD']) {
        const response = await get(path, { 'user-agent': userAgent, ...shown }, method);
        expect([response.status, response.headers.get('www-authenticate')]).toStrictEqual([
          401,
          'Basic realm="mirror"',
        ]);
      }
    }
    const told: unknown = await (await get(path, { 'user-agent': userAgent })).json();
    expect(told).toStrictEqual({
      errors: [
        {
          code: 'UNAUTHORIZED',
          message: 'no such image, or one for those who have logged in to this mirror',
        },
      ],
    });
  });

  test.each([
    [
      undefined,
      'no such image, or a private one, which this mirror does not serve: pull it from the registry itself',
    ],
    [
      'elsewhere',
      'no such image, or a private one: log in at the login address of this mirror, and pull it there',
    ],
  ] as const)(
    'is not found where nobody can log in (%s), in words that say what to do',
    async (logins, message) => {
      app = createHttpApp({ mirror, logger: log.logger, clock, logins });
      const response = await get('/v2/box/manifests/v1?ns=ghcr.io', { 'user-agent': 'containerd/2' });
      expect([response.status, response.headers.get('www-authenticate')]).toStrictEqual([404, null]);
      expect(await response.json()).toStrictEqual({
        errors: [{ code: 'MANIFEST_UNKNOWN', message, detail: { reference: 'v1' } }],
      });
    },
  );
});

describe('an address without logins, beside one that has them', () => {
  beforeEach(() => {
    app = createHttpApp({ mirror, logger: log.logger, clock, logins: 'elsewhere' });
  });

  test.each([{}, { authorization: 'Basic good' }, { authorization: 'Bearer bad' }, { authorization: 'x' }])(
    'serves everybody the same, whoever shows %j',
    async (headers: Record<string, string>) => {
      mirror.putManifest('box', 'v1', Buffer.from('{}'));
      expect((await get('/v2/', headers)).status).toBe(200);
      expect((await get('/v2/box/manifests/v1', headers)).status).toBe(200);
      expect(mirror.targets.map(({ reader }) => reader)).toStrictEqual([anonymous]);
    },
  );

  test('has no 401, which would need a challenge, for what rules keep for those who log in', async () => {
    mirror.failure = registryErrors.unauthorized('authentication required', {
      repository: 'box',
    });
    for (const path of ['/v2/box/manifests/v1', '/v2/box/tags/list', '/v2/_catalog']) {
      const response = await get(path);
      expect([response.status, response.headers.get('www-authenticate')]).toStrictEqual([403, null]);
      expect(await response.json()).toStrictEqual({
        errors: [
          {
            code: 'DENIED',
            message: 'this needs a login: log in at the login address of this mirror, and pull there',
          },
        ],
      });
    }
  });
});

describe('where all have to log in', () => {
  beforeEach(() => build([basic], true));

  test.each([
    ['GET', '/v2/box/manifests/.no-tag'],
    ['GET', '/v2/box/manifests/sha256:bad'],
    ['GET', '/v2/BOX/manifests/v1'],
    ['GET', '/v2/box/manifests/v1?ns=a/b'],
    ['POST', '/v2/box/blobs/uploads/'],
    ['PUT', '/v2/box/manifests/v1'],
    ['DELETE', '/v2/box/manifests/v1'],
    ['POST', '/v2/'],
  ])('who has not hears nothing else (%s %s)', async (method, path) => {
    for (const headers of [{}, { authorization: 'Basic bad' }, { authorization: 'Basic empty' }]) {
      const response = await get(path, headers, method);
      expect([response.status, response.headers.get('www-authenticate')]).toStrictEqual([
        401,
        'Basic realm="mirror"',
      ]);
    }
    expect((await get(path, { authorization: 'Basic good' }, method)).status).not.toBe(401);
  });

  test('is told so in words of our own, since clients leave out those that are registry:2’s', async () => {
    for (const path of ['/v2/', '/v2/box/manifests/.no-tag']) {
      const response = await get(path);
      expect(await response.json()).toStrictEqual({
        errors: [{ code: 'UNAUTHORIZED', message: 'authentication required: log in to this mirror' }],
      });
    }
  });

  test('what the mirror refuses by name is no exception, and trouble is told', async () => {
    mirror.failure = registryErrors.denied('this repository is not mirrored here');
    expect((await get('/v2/box/manifests/v1')).status).toBe(401);
    mirror.failure = registryErrors.unavailable('the store is away');
    expect((await get('/v2/box/manifests/v1')).status).toBe(503);
    expect((await get('/v2/', { authorization: 'Basic flood' })).status).toBe(429);
  });
});

describe('without a login', () => {
  test.each(['/healthz', '/readyz', '/', '/v1/_ping'])(
    '%s answers, and credentials are not checked',
    async (path) => {
      expect((await get(path, { authorization: 'Basic bad' })).status).toBe(200);
      expect(checked).toBe(0);
    },
  );

  test.each(['/v2/', '/v2/_catalog', '/v2/box/manifests/v1', `/v2/box/blobs/${digest}`])(
    'a browser may ask what it may do with %s',
    async (path) => {
      const preflight = { origin: 'https://ui.example', 'access-control-request-method': 'GET' };
      expect((await get(path, preflight, 'OPTIONS')).status).toBe(200);
      expect(checked).toBe(0);
    },
  );
});

test('refused logins are logged with the address, at most once a minute, and never with what was shown', async () => {
  const refusals = (): unknown[] => log.lines.filter(({ msg }) => String(msg).includes('refused'));
  for (let index = 0; index < 20; index += 1) await get('/v2/', { authorization: 'Basic s3cret' });
  expect(refusals()).toHaveLength(1);
  await clock.advance(60_000);
  await get('/v2/', { authorization: 'Basic s3cret' });
  expect(refusals()[1]).toMatchObject({ level: 40, client: '', suppressed: 19 });
  expect(JSON.stringify(log.lines)).not.toContain('s3cret');
});
