import { describe, expect, it } from 'vitest';
import type { CredentialProvider, Credentials } from '../../../src/upstream/auth/credentials.ts';
import { createCredentialProvider } from '../../../src/upstream/credentials/create-credential-provider.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import { makeImage } from '../../support/image.ts';
import { logLines } from '../../support/log-lines.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { TestClock } from '../../support/test-clock.ts';
import { dialectServer } from './dialect.ts';
import { clientOf, failureOf, repositoryName, tagReference } from './harness.ts';

const busybox = repositoryName('library/busybox');
const secret = repositoryName('team/secret');
const latest = tagReference('latest');
const owner = { username: 'owner', password: 'correct horse' };
const scope = 'repository:library/busybox:pull';

function provided(credentials: Credentials): CredentialProvider {
  return { get: () => Promise.resolve(credentials) };
}

/** 200 for one bearer token, 401 for everybody else. */
function bearer(token: string) {
  return (authorization: string | undefined): number => (authorization === `Bearer ${token}` ? 200 : 401);
}

describe('Docker Hub', () => {
  it('grants a token for a repository that does not exist, then refuses it: that is final', async () => {
    await using hub = await FakeHub.start({ credentials: owner });
    await using client = clientOf(hub.url, { credentials: provided(owner) });
    const failure = await failureOf(client.registry.getManifest(repositoryName('library/nothing'), latest));
    expect(failure).toMatchObject({ kind: 'unauthorized', status: 401 });
    expect(hub.requests.map(({ server, status }) => [server, status])).toEqual([
      ['registry', 401],
      ['token', 200],
      ['registry', 401],
    ]);
  });

  it('means sixty seconds when it says nothing of the life of a token', async () => {
    const clock = new TestClock();
    await using hub = await dialectServer({
      challenge: (origin) => `Bearer realm="${origin}/token",service="registry.docker.io"`,
      realm: '/token',
      token: () => ({ body: { token: 'abc', access_token: 'abc' } }),
      status: bearer('abc'),
    });
    await using client = clientOf(hub.url, { clock });
    await client.registry.headManifest(busybox, latest);
    await clock.advance(45_000);
    await client.registry.headManifest(busybox, latest);
    expect(hub.asked).toHaveLength(1);
    await clock.advance(16_000);
    await client.registry.headManifest(busybox, latest);
    expect(hub.asked).toHaveLength(2);
  });

  it('takes an identity token', async () => {
    const image = makeImage();
    await using hub = await FakeHub.start({ credentials: { ...owner, refreshToken: 'refresh-me' } });
    hub.addImage('team/secret', 'latest', image);
    hub.makePrivate('team/secret');
    await using client = clientOf(hub.url, { credentials: provided({ identityToken: 'refresh-me' }) });
    expect((await client.registry.headManifest(secret, latest)).digest).toBe(image.digest);
    expect(hub.requests.map(({ server, method }) => [server, method])).toEqual([
      ['registry', 'HEAD'],
      ['token', 'POST'],
      ['registry', 'HEAD'],
    ]);
  });
});

describe('GHCR', () => {
  const ghcr = {
    challenge: (origin: string) =>
      `Bearer realm="${origin}/token",service="ghcr.io",scope="repository:user/image:pull"`,
    realm: '/token',
  };

  it('gets our own scope in place of its placeholder, and a token even for what is public', async () => {
    await using registry = await dialectServer({
      ...ghcr,
      token: ({ parameters }) => ({ body: { token: `for:${parameters.get('scope')}` } }),
      status: bearer(`for:${scope}`),
    });
    await using client = clientOf(registry.url);
    await client.registry.headManifest(busybox, latest);
    expect(registry.asked[0]?.parameters.get('scope')).toBe(scope);
    expect(registry.asked[0]?.parameters.get('service')).toBe('ghcr.io');
    expect(registry.asked[0]?.basic).toBeUndefined();
    expect(registry.shown).toEqual([undefined, `Bearer for:${scope}`]);
  });

  it('refuses a token for what is private or absent: denied, in its own words', async () => {
    await using registry = await dialectServer({
      ...ghcr,
      token: () => ({
        status: 403,
        body: { errors: [{ code: 'DENIED', message: 'requested access to the resource is denied' }] },
      }),
      status: () => 401,
    });
    await using client = clientOf(registry.url);
    const failure = await failureOf(client.registry.headManifest(secret, latest));
    expect(failure).toMatchObject({ kind: 'denied', status: 403 });
    expect(failure.message).toContain('requested access to the resource is denied');
  });
});

describe('Quay', () => {
  it('has its token service below its own API, with robot accounts for users', async () => {
    const robot = { username: 'team+mirror', password: 'robot-password' };
    await using registry = await dialectServer({
      challenge: (origin) => `Bearer realm="${origin}/v2/auth",service="quay.io",scope="${scope},push"`,
      realm: '/v2/auth',
      token: (asked) =>
        asked.basic === 'team+mirror:robot-password' ? { body: { token: 'abc' } } : { status: 401 },
      status: bearer('abc'),
    });
    await using client = clientOf(registry.url, { credentials: provided(robot) });
    await client.registry.headManifest(busybox, latest);
    expect(registry.asked.map(({ line, parameters }) => [line, parameters.get('scope')])).toEqual([
      ['GET /v2/auth', scope],
    ]);
  });
});

describe('Artifact Registry and GCR', () => {
  it('name no service, and take a whole JSON key as the password of _json_key', async () => {
    const key = JSON.stringify(
      { type: 'service_account', private_key: '-----BEGIN\n:a:b==\n-----END\n' },
      null,
      2,
    );
    await using folder = await TempFolder.create();
    await using registry = await dialectServer({
      challenge: (origin) => `Bearer realm="${origin}/v2/token"`,
      realm: '/v2/token',
      token: (asked) =>
        asked.basic === `_json_key:${key}` ? { body: { token: 'abc', expires_in: 3600 } } : { status: 401 },
      status: bearer('abc'),
    });
    const auth = Buffer.from(`_json_key:${key}`).toString('base64');
    const text = JSON.stringify({ auths: { [new URL(registry.url).host]: { auth } } });
    const credentials = createCredentialProvider(
      { kind: 'docker-config', file: folder.join('config.json'), text },
      { clock: new TestClock(), logger: logLines().logger },
    );
    await using client = clientOf(registry.url, { credentials });
    await client.registry.headManifest(busybox, latest);
    expect(registry.asked[0]?.parameters.has('service')).toBe(false);
  });
});

describe('ECR Public', () => {
  const challenge = (origin: string): string =>
    `Bearer realm="${origin}/token/",service="public.ecr.aws",scope="aws"`;

  it('gets the scope that it asks for, since that names no repository', async () => {
    await using registry = await dialectServer({
      challenge,
      realm: '/token/',
      token: () => ({ body: { token: 'abc' } }),
      status: bearer('abc'),
    });
    await using client = clientOf(registry.url);
    await client.registry.getManifest(busybox, latest);
    await client.registry.getManifest(secret, latest);
    expect(registry.asked.map(({ parameters }) => parameters.toString())).toEqual([
      'service=public.ecr.aws&scope=aws',
    ]);
  });

  it('gets a new token when it answers 400 to one that has expired', async () => {
    let issued = 0;
    await using registry = await dialectServer({
      challenge,
      realm: '/token/',
      token: () => ({ body: { token: `t${(issued += 1)}` } }),
      status: (authorization) =>
        authorization === undefined ? 401 : authorization === `Bearer t${issued}` ? 200 : 400,
    });
    await using client = clientOf(registry.url);
    await client.registry.headManifest(busybox, latest);
    issued += 1;
    await client.registry.headManifest(busybox, latest);
    expect(registry.shown).toEqual([undefined, 'Bearer t1', 'Bearer t1', 'Bearer t3']);
  });
});

describe('ACR', () => {
  const acr = {
    challenge: (origin: string) =>
      `Bearer realm="${origin}/oauth2/token",service="example.azurecr.io",scope="${scope}"`,
    realm: '/oauth2/token',
    status: bearer('abc'),
  };

  it('answers with access_token only', async () => {
    await using registry = await dialectServer({ ...acr, token: () => ({ body: { access_token: 'abc' } }) });
    await using client = clientOf(registry.url);
    await client.registry.headManifest(busybox, latest);
    expect(registry.asked[0]?.line).toBe('GET /oauth2/token');
  });

  it('changes identity tokens for bearer tokens, by OAuth2', async () => {
    await using registry = await dialectServer({ ...acr, token: () => ({ body: { access_token: 'abc' } }) });
    await using client = clientOf(registry.url, {
      credentials: provided({ identityToken: 'eyJ.refresh.me' }),
    });
    await client.registry.headManifest(busybox, latest);
    const [{ line, parameters, basic: password } = { line: '', parameters: undefined, basic: '' }] =
      registry.asked;
    expect(line).toBe('POST /oauth2/token');
    expect(password).toBeUndefined();
    expect(Object.fromEntries(parameters ?? [])).toEqual({
      grant_type: 'refresh_token',
      service: 'example.azurecr.io',
      client_id: 'entrepot',
      scope,
      refresh_token: 'eyJ.refresh.me',
    });
  });
});

describe('GitLab', () => {
  it('has its token service at jwt/auth, which denies what a user may not read', async () => {
    await using registry = await dialectServer({
      challenge: (origin) =>
        `Bearer realm="${origin}/jwt/auth",service="container_registry",scope="${scope}",error="invalid_token"`,
      realm: '/jwt/auth',
      token: ({ basic: password }) =>
        password === 'owner:correct horse'
          ? { body: { token: 'abc' } }
          : {
              status: 403,
              body: { errors: [{ code: 'DENIED', message: 'access forbidden' }] },
            },
      status: bearer('abc'),
    });
    await using anonymous = clientOf(registry.url);
    expect((await failureOf(anonymous.registry.headManifest(busybox, latest))).kind).toBe('denied');
    await using client = clientOf(registry.url, { credentials: provided(owner) });
    await client.registry.headManifest(busybox, latest);
    expect(registry.asked.at(-1)?.parameters.get('service')).toBe('container_registry');
  });
});

describe('MCR', () => {
  it('asks nobody who he is, and is told nothing', async () => {
    await using registry = await dialectServer({ challenge: () => '', status: () => 200 });
    await using client = clientOf(registry.url, { credentials: provided(owner) });
    await client.registry.headManifest(busybox, latest);
    await client.registry.headManifest(busybox, latest);
    expect(registry.shown).toEqual([undefined, undefined]);
  });
});
