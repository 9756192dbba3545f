import { describe, expect, it } from 'vitest';
import type { BasicCredentials } from '../../../src/base/basic-auth.ts';
import type { CredentialProvider, Credentials } from '../../../src/upstream/auth/credentials.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import { makeImage } from '../../support/image.ts';
import { basic, dialectServer, type Dialect } from './dialect.ts';
import { clientOf, failureOf, repositoryName, scriptedServer, tagReference } from './harness.ts';

const secret = repositoryName('team/secret');
const latest = tagReference('latest');
const image = makeImage();
const owner: BasicCredentials = { username: 'owner', password: 'correct horse' };

function credentials(given: Credentials): CredentialProvider {
  return { get: () => Promise.resolve(given) };
}

/**
 * Credentials that a test changes, behind a cache that gives the new ones only once the old ones were
 * refused.
 */
class ChangingCredentials implements CredentialProvider {
  refusals = 0;
  #cached: Credentials;
  #next: Credentials;

  constructor(first: Credentials) {
    this.#cached = first;
    this.#next = first;
  }

  become(next: Credentials): void {
    this.#next = next;
  }

  get(): Promise<Credentials> {
    return Promise.resolve(this.#cached);
  }

  refused(): void {
    this.refusals += 1;
    this.#cached = this.#next;
  }
}

/** A token service below a registry that takes the bearer token `abc`. */
function exchange(token: Dialect['token']): Dialect {
  return {
    challenge: (origin) => `Bearer realm="${origin}/token",service="registry"`,
    realm: '/token',
    ...(token === undefined ? {} : { token }),
    status: (authorization) => (authorization === 'Bearer abc' ? 200 : 401),
  };
}

describe('an account whose password changes', () => {
  it('does not go on with the tokens of the old one', async () => {
    await using hub = await FakeHub.start({ credentials: owner });
    hub.addImage('team/secret', 'latest', image);
    let given = owner;
    await using client = clientOf(hub.url, { credentials: { get: () => Promise.resolve(given) } });
    await client.registry.headManifest(secret, latest);
    given = { ...owner, password: 'revoked' };
    expect((await failureOf(client.registry.headManifest(secret, latest))).kind).toBe('unauthorized');
    expect(hub.count({ server: 'registry' })).toBe(2);
  });

  it('is asked for anew when the token service refuses the old one, once', async () => {
    await using hub = await FakeHub.start({ credentials: owner });
    hub.addImage('team/secret', 'latest', image);
    hub.makePrivate('team/secret');
    const provider = new ChangingCredentials({ ...owner, password: 'old' });
    await using client = clientOf(hub.url, { credentials: provider });
    expect((await failureOf(client.registry.headManifest(secret, latest))).kind).toBe('unauthorized');
    expect(hub.count({ server: 'token' })).toBe(1);
    provider.become(owner);
    expect((await client.registry.headManifest(secret, latest)).digest).toBe(image.digest);
    expect(provider.refusals).toBe(2);
    expect(hub.count({ server: 'token' })).toBe(3);
  });

  it('is not asked for anew when the token service gives the same token again', async () => {
    let status = 200;
    await using registry = await dialectServer({
      ...exchange(() => ({ body: { token: 'abc' } })),
      status: (authorization) => (authorization === undefined ? 401 : status),
    });
    const provider = new ChangingCredentials(owner);
    await using client = clientOf(registry.url, { credentials: provider });
    await client.registry.headManifest(secret, latest);
    status = 401;
    expect((await failureOf(client.registry.headManifest(secret, latest))).kind).toBe('unauthorized');
    expect(registry.asked).toHaveLength(2);
    expect(provider.refusals).toBe(0);
  });

  it('is not asked for anew when a repository is refused in spite of a good token', async () => {
    await using hub = await FakeHub.start({ credentials: owner });
    const provider = new ChangingCredentials(owner);
    await using client = clientOf(hub.url, { credentials: provider });
    expect((await failureOf(client.registry.headManifest(secret, latest))).kind).toBe('unauthorized');
    expect(provider.refusals).toBe(0);
  });
});

describe('an identity token', () => {
  const identity = { identityToken: 'refresh-1' };

  it('is followed by those that the token service gives in its place', async () => {
    const good = ['refresh-1', 'refresh-2', 'refresh-3'];
    await using registry = await dialectServer(
      exchange(({ parameters }) =>
        parameters.get('refresh_token') === good.shift()
          ? { body: { access_token: 'abc', refresh_token: good[0] } }
          : { status: 401 },
      ),
    );
    await using client = clientOf(registry.url, { credentials: credentials(identity) });
    for (const name of ['one', 'two', 'three']) {
      await client.registry.headManifest(repositoryName(name), latest);
    }
    expect(registry.asked.map(({ parameters }) => parameters.get('refresh_token'))).toEqual([
      'refresh-1',
      'refresh-2',
      'refresh-3',
    ]);
  });

  it('is used again when the one in its place is refused', async () => {
    await using registry = await dialectServer(
      exchange(({ parameters }) =>
        parameters.get('refresh_token') === 'refresh-1'
          ? { body: { access_token: 'abc', refresh_token: 'dud' } }
          : { status: 400, body: { error: 'invalid_grant' } },
      ),
    );
    await using client = clientOf(registry.url, { credentials: credentials(identity) });
    await client.registry.headManifest(repositoryName('one'), latest);
    await client.registry.headManifest(repositoryName('two'), latest);
    expect(registry.asked.map(({ parameters }) => parameters.get('refresh_token'))).toEqual([
      'refresh-1',
      'dud',
      'refresh-1',
    ]);
  });

  it.each([400, 401])(
    'that is refused with %i is reported as unauthorized, and not tried again',
    async (status) => {
      await using registry = await dialectServer(exchange(() => ({ status })));
      const provider = new ChangingCredentials(identity);
      await using client = clientOf(registry.url, { credentials: provider });
      expect((await failureOf(client.registry.headManifest(secret, latest))).kind).toBe('unauthorized');
      expect(provider.refusals).toBe(1);
      expect(registry.asked).toHaveLength(1);
    },
  );

  it.each([404, 405])(
    'is not tried as a password when the token service answers POST with %i',
    async (status) => {
      await using registry = await dialectServer(exchange(() => ({ status })));
      await using client = clientOf(registry.url, { credentials: credentials(identity) });
      const failure = await failureOf(client.registry.headManifest(secret, latest));
      expect(failure).toMatchObject({ kind: 'invalid', status });
      expect(failure.message).toContain('takes no identity tokens');
      expect(registry.asked.map(({ line }) => line)).toEqual(['POST /token']);
    },
  );

  it('is not sent to a realm of another host', async () => {
    await using stranger = await scriptedServer((_, response) => response.end('{"token":"x"}'), '127.0.0.3');
    for (const realm of [`${stranger.url}/token`, 'https://auth.docker.io/token']) {
      await using registry = await dialectServer({
        challenge: () => `Bearer realm="${realm}"`,
        status: () => 401,
      });
      await using client = clientOf(registry.url, { credentials: credentials(identity) });
      expect((await failureOf(client.registry.headManifest(secret, latest))).kind).toBe('invalid');
    }
    expect(stranger.requests).toEqual([]);
  });

  it('is not sent to a registry that wants a password', async () => {
    await using hub = await FakeHub.start({ auth: 'basic', credentials: owner });
    await using client = clientOf(hub.url, { credentials: credentials(identity) });
    expect((await failureOf(client.registry.headManifest(secret, latest))).kind).toBe('invalid');
    expect(hub.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});

describe('a registry token', () => {
  const registryToken = { registryToken: 'abc' };

  it('is shown to the registry itself, and the token service is not asked', async () => {
    await using registry = await dialectServer(exchange(undefined));
    await using client = clientOf(registry.url, { credentials: credentials(registryToken) });
    await client.registry.headManifest(secret, latest);
    await client.registry.headManifest(secret, latest);
    expect(registry.shown).toEqual([undefined, 'Bearer abc', 'Bearer abc']);
    expect(registry.asked).toEqual([]);
  });

  it('that is refused is asked for anew, once', async () => {
    await using registry = await dialectServer(exchange(undefined));
    const provider = new ChangingCredentials({ registryToken: 'old' });
    await using client = clientOf(registry.url, { credentials: provider });
    expect((await failureOf(client.registry.headManifest(secret, latest))).kind).toBe('unauthorized');
    provider.become(registryToken);
    await client.registry.headManifest(secret, latest);
    expect(registry.shown).toEqual([undefined, 'Bearer old', 'Bearer old', 'Bearer abc']);
  });

  it('is not sent to a registry that wants a password', async () => {
    await using hub = await FakeHub.start({ auth: 'basic', credentials: owner });
    await using client = clientOf(hub.url, { credentials: credentials(registryToken) });
    expect((await failureOf(client.registry.headManifest(secret, latest))).kind).toBe('invalid');
    expect(hub.requests).toHaveLength(1);
  });
});

describe('where a registry redirects to', () => {
  it.each([
    [{ registryToken: 'abc' }, 'Bearer realm="http://127.0.0.1/token"', 'Bearer abc'],
    [owner, 'Basic realm="registry"', basic(owner.username, owner.password)],
  ])('gets no credentials', async (given, challenge, shown) => {
    const seen: (string | undefined)[] = [];
    await using cdn = await scriptedServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end('{}');
    }, '127.0.0.3');
    await using registry = await scriptedServer((request, response) => {
      if (request.headers.authorization === shown) response.writeHead(307, { location: `${cdn.url}/x` });
      else response.writeHead(401, { 'www-authenticate': challenge });
      response.end();
    });
    await using client = clientOf(registry.url, { credentials: credentials(given) });
    await client.registry.headManifest(secret, latest);
    expect(seen).toEqual([undefined]);
  });
});
