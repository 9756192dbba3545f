import { describe, expect, it } from 'vitest';
import type { BasicCredentials } from '../../../src/base/basic-auth.ts';
import type { CredentialProvider, Credentials } from '../../../src/upstream/auth/credentials.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import { makeImage } from '../../support/image.ts';
import { TestClock } from '../../support/test-clock.ts';
import { clientOf, failureOf, repositoryName, scriptedServer, tagReference } from './harness.ts';

const busybox = repositoryName('library/busybox');
const secret = repositoryName('team/secret');
const latest = tagReference('latest');
const image = makeImage();
const owner: BasicCredentials = { username: 'owner', password: 'correct horse' };

function credentials(given: Credentials): CredentialProvider {
  return { get: () => Promise.resolve(given) };
}

describe('a bearer upstream', () => {
  it('is asked without a token once, and with one from then on', async () => {
    await using hub = await FakeHub.start();
    hub.addImage('library/busybox', 'latest', image);
    await using client = clientOf(hub.url);
    await client.registry.headManifest(busybox, latest);
    await client.registry.headManifest(busybox, latest);
    await client.registry.getManifest(busybox, latest);
    expect(hub.requests.map(({ server, status }) => [server, status])).toEqual([
      ['registry', 401],
      ['token', 200],
      ['registry', 200],
      ['registry', 200],
      ['registry', 200],
    ]);
  });

  it('gives one token for fifty who ask at once', async () => {
    await using hub = await FakeHub.start({ latencyMs: 20 });
    hub.addImage('library/busybox', 'latest', image);
    await using client = clientOf(hub.url);
    const heads = await Promise.all(
      Array.from({ length: 50 }, () => client.registry.headManifest(busybox, latest)),
    );
    expect(heads.every(({ digest }) => digest === image.digest)).toBe(true);
    expect(hub.count({ server: 'token' })).toBe(1);
  });

  it('gives each repository a token of its own, without another 401', async () => {
    await using hub = await FakeHub.start();
    hub.addImage('library/busybox', 'latest', image);
    hub.addImage('library/alpine', 'latest', image);
    await using client = clientOf(hub.url);
    await client.registry.headManifest(busybox, latest);
    hub.clearLog();
    await client.registry.headManifest(repositoryName('library/alpine'), latest);
    expect(hub.requests.map(({ server, status }) => [server, status])).toEqual([
      ['token', 200],
      ['registry', 200],
    ]);
    expect(hub.requests[0]?.query.get('scope')).toBe('repository:library/alpine:pull');
  });

  it('gets a new token when the old one is refused in mid-life, once', async () => {
    await using hub = await FakeHub.start();
    hub.addImage('library/busybox', 'latest', image);
    await using client = clientOf(hub.url);
    await client.registry.headManifest(busybox, latest);
    hub.expireTokens();
    hub.clearLog();
    await client.registry.headManifest(busybox, latest);
    expect(hub.requests.map(({ server, status }) => [server, status])).toEqual([
      ['registry', 401],
      ['token', 200],
      ['registry', 200],
    ]);
  });

  it('does not go round in circles when a fresh token is refused too', async () => {
    await using hub = await FakeHub.start();
    hub.addImage('library/busybox', 'latest', image);
    await using client = clientOf(hub.url);
    await client.registry.headManifest(busybox, latest);
    hub.clearLog();
    hub.fault({ on: 'manifest', kind: 'status', status: 401 });
    expect(await failureOf(client.registry.headManifest(busybox, latest))).toMatchObject({
      kind: 'unauthorized',
      status: 401,
    });
    expect(hub.count({ server: 'token' })).toBe(1);
    expect(hub.count({ server: 'registry' })).toBe(2);
  });

  it("reports a missing repository as unauthorized, in the upstream's words", async () => {
    await using hub = await FakeHub.start();
    await using client = clientOf(hub.url);
    const failure = await failureOf(client.registry.getManifest(repositoryName('library/nothing'), latest));
    expect(failure).toMatchObject({ kind: 'unauthorized', status: 401 });
    expect(failure.message).toContain('UNAUTHORIZED: authentication required');
  });

  it('renews a token before it expires, while requests go on with the old one', async () => {
    const clock = new TestClock();
    await using hub = await FakeHub.start({ now: () => clock.now(), tokenLifetime: 100 });
    hub.addImage('library/busybox', 'latest', image);
    await using client = clientOf(hub.url, { clock });
    await client.registry.headManifest(busybox, latest);
    await clock.advance(90_000);
    hub.clearLog();
    await client.registry.headManifest(busybox, latest);
    await hub.received({ server: 'token' });
    expect(hub.count({ server: 'registry' })).toBe(1);
    await clock.advance(20_000);
    await client.registry.headManifest(busybox, latest);
    expect(hub.requests.every(({ status }) => status === 200)).toBe(true);
    expect(hub.count({ server: 'token' })).toBe(1);
  });

  it('never shows an expired token', async () => {
    const clock = new TestClock();
    await using hub = await FakeHub.start({ now: () => clock.now(), tokenLifetime: 100 });
    hub.addImage('library/busybox', 'latest', image);
    await using client = clientOf(hub.url, { clock });
    await client.registry.headManifest(busybox, latest);
    await clock.advance(100_000);
    hub.clearLog();
    await client.registry.headManifest(busybox, latest);
    expect(hub.requests.map(({ server, status }) => [server, status])).toEqual([
      ['token', 200],
      ['registry', 200],
    ]);
  });

  it('is asked again after its token service failed', async () => {
    await using hub = await FakeHub.start();
    hub.addImage('library/busybox', 'latest', image);
    await using client = clientOf(hub.url);
    hub.fault({ on: 'token', kind: 'status', status: 503, times: 3 });
    expect(await failureOf(client.registry.headManifest(busybox, latest))).toMatchObject({
      kind: 'unavailable',
      status: 503,
    });
    expect((await client.registry.headManifest(busybox, latest)).digest).toBe(image.digest);
  });

  it('rides out a token service that fails in passing', async () => {
    await using hub = await FakeHub.start();
    hub.addImage('library/busybox', 'latest', image);
    await using client = clientOf(hub.url);
    hub.fault({ on: 'token', kind: 'status', status: 502, times: 1 });
    hub.fault({ on: 'token', kind: 'reset', times: 1 });
    expect((await client.registry.headManifest(busybox, latest)).digest).toBe(image.digest);
  });

  it('goes on for others when the one who asked first gives up', async () => {
    await using hub = await FakeHub.start();
    hub.addImage('library/busybox', 'latest', image);
    await using client = clientOf(hub.url);
    const { promise, resolve } = Promise.withResolvers<void>();
    hub.fault({ on: 'token', kind: 'hold', until: promise });
    const controller = new AbortController();
    const first = failureOf(client.registry.headManifest(busybox, latest, { signal: controller.signal }));
    const second = client.registry.headManifest(busybox, latest);
    await hub.received({ server: 'registry' }, 2);
    await hub.received({ server: 'token' });
    controller.abort();
    expect((await first).kind).toBe('aborted');
    resolve();
    expect((await second).digest).toBe(image.digest);
    expect(hub.count({ server: 'token' })).toBe(1);
  });
});

describe('credentials', () => {
  it('open a private repository', async () => {
    await using hub = await FakeHub.start({ credentials: owner });
    hub.addImage('team/secret', 'latest', image);
    hub.makePrivate('team/secret');
    await using anonymous = clientOf(hub.url);
    expect((await failureOf(anonymous.registry.getManifest(secret, latest))).kind).toBe('unauthorized');
    await using client = clientOf(hub.url, { credentials: credentials(owner) });
    expect((await client.registry.getManifest(secret, latest)).bytes).toEqual(image.bytes);
  });

  it('go to the token service only', async () => {
    await using hub = await FakeHub.start({ credentials: owner });
    hub.addImage('team/secret', 'latest', image);
    await using client = clientOf(hub.url, { credentials: credentials(owner) });
    await client.registry.headManifest(secret, latest);
    for (const { server, headers } of hub.requests) {
      expect(headers.authorization?.startsWith('Basic') ?? false).toBe(server === 'token');
    }
  });

  it('that are wrong are reported as unauthorized', async () => {
    await using hub = await FakeHub.start({ credentials: owner });
    hub.addImage('team/secret', 'latest', image);
    await using client = clientOf(hub.url, { credentials: credentials({ ...owner, password: 'wrong' }) });
    expect(await failureOf(client.registry.headManifest(secret, latest))).toMatchObject({
      kind: 'unauthorized',
      status: 401,
    });
  });

  it('that cannot be got make the upstream unavailable', async () => {
    await using hub = await FakeHub.start();
    hub.addImage('team/secret', 'latest', image);
    const broken = { get: () => Promise.reject(new Error('the helper failed')) };
    await using client = clientOf(hub.url, { credentials: broken });
    expect((await failureOf(client.registry.headManifest(secret, latest))).kind).toBe('unavailable');
  });

  it('are not sent to a realm of another host', async () => {
    await using stranger = await scriptedServer((_, response) => response.end('{"token":"x"}'), '127.0.0.3');
    await using registry = await scriptedServer((_, response) => {
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${stranger.url}/token"` }).end();
    });
    await using client = clientOf(registry.url, { credentials: credentials(owner) });
    expect((await failureOf(client.registry.headManifest(secret, latest))).kind).toBe('invalid');
    expect(stranger.requests).toEqual([]);
  });

  it('are not sent to a public realm of another domain either', async () => {
    await using registry = await scriptedServer((_, response) => {
      response.writeHead(401, { 'www-authenticate': 'Bearer realm="https://auth.docker.io/token"' }).end();
    });
    await using client = clientOf(registry.url, { credentials: credentials(owner) });
    const failure = await failureOf(client.registry.headManifest(secret, latest));
    expect(failure.kind).toBe('invalid');
    expect(failure.message).toContain('auth.docker.io');
  });
});

describe('a Basic upstream', () => {
  it('gets the credentials with every request but the first', async () => {
    await using hub = await FakeHub.start({ auth: 'basic', credentials: owner });
    hub.addImage('team/secret', 'latest', image);
    await using client = clientOf(hub.url, { credentials: credentials(owner) });
    await client.registry.headManifest(secret, latest);
    await client.registry.headManifest(secret, latest);
    expect(hub.requests.map(({ status }) => status)).toEqual([401, 200, 200]);
  });

  it('is offered new credentials when the old ones are refused', async () => {
    await using hub = await FakeHub.start({ auth: 'basic', credentials: owner });
    hub.addImage('team/secret', 'latest', image);
    let given: BasicCredentials = { ...owner, password: 'old' };
    await using client = clientOf(hub.url, { credentials: { get: () => Promise.resolve(given) } });
    expect((await failureOf(client.registry.headManifest(secret, latest))).kind).toBe('unauthorized');
    given = owner;
    expect((await client.registry.headManifest(secret, latest)).digest).toBe(image.digest);
  });

  it('refuses who has no credentials', async () => {
    await using hub = await FakeHub.start({ auth: 'basic', credentials: owner });
    hub.addImage('team/secret', 'latest', image);
    await using client = clientOf(hub.url);
    expect((await failureOf(client.registry.getManifest(secret, latest))).kind).toBe('unauthorized');
    expect(hub.requests).toHaveLength(1);
    // Some refuse HEAD only, and in the same words.
    expect((await failureOf(client.registry.headManifest(secret, latest))).kind).toBe('unauthorized');
    expect(hub.requests.map(({ method }) => method)).toEqual(['GET', 'HEAD', 'GET']);
  });
});
