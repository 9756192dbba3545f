import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, basic, errorCode, verdict } from '../support/ask.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import type { RawAnswer } from '../support/raw-client.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';
import { service, signToken, TokenIssuer } from '../support/token-issuer.ts';

const image = makeImage({ layers: [200_000] });
const [layer = image.config] = image.layers;
const robot = { username: 'robot', password: 'upstream-password' };
const password = 'correct horse';

let folder: TempFolder;
let hub: FakeHub;
let tokens: TokenIssuer;
let entrepot: TestEntrepot;

beforeEach(async () => {
  folder = await TempFolder.create();
  hub = await FakeHub.start({ credentials: robot });
  for (const repository of ['acme/private', 'acme/public']) hub.addImage(repository, 'v1', image);
  hub.makePrivate('acme/private');
  tokens = await TokenIssuer.start({ alice: password });
  entrepot = await TestEntrepot.start({
    upstream: hub.url,
    credentials: robot,
    auth: { token: await tokens.configuration(folder) },
  });
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await tokens[Symbol.asyncDispose]();
  await hub.close();
  await folder.remove();
});

function get(
  path: string,
  token?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return ask(entrepot.url, path, { ...authorization, ...headers });
}

/** The parameters of the challenge in an answer. */
function challengeOf({ headers }: RawAnswer): Readonly<Record<string, string>> {
  const parameters = [...(headers['www-authenticate'] ?? '').matchAll(/(\w+)="([^"]*)"/g)];
  return Object.fromEntries(parameters.map(([, name = '', value = '']) => [name, value]));
}

/**
 * Gets a token as clients do: from the realm of a challenge, for its service and scope, or for a scope of the
 * client's own.
 */
async function login(answer: RawAnswer, scope?: string, account?: string): Promise<string> {
  const { realm = '', service = '', scope: asked } = challengeOf(answer);
  const url = new URL(realm);
  url.searchParams.set('service', service);
  const wanted = scope ?? asked;
  if (wanted !== undefined) url.searchParams.set('scope', wanted);
  const response = await fetch(url, account === undefined ? {} : { headers: basic(account, password) });
  return ((await response.json()) as { readonly token: string }).token;
}

describe('with a token service', () => {
  test('docker login goes by the realm of the challenge', async () => {
    const ping = await get('/v2/');
    expect([ping.status, errorCode(ping)]).toStrictEqual([401, 'UNAUTHORIZED']);
    expect(challengeOf(ping)).toStrictEqual({ realm: tokens.realm.href, service });
    expect((await get('/v2/', await login(ping, undefined, 'alice'))).status).toBe(200);
  });

  test('a private image is pulled with a token that grants it, as dockerd does it', async () => {
    const token = await login(await get('/v2/'), 'repository:acme/private:pull', 'alice');
    const manifest = await get('/v2/acme/private/manifests/v1', token);
    expect(verdict(manifest, image.bytes)).toBe('right');
    const blob = await get(`/v2/acme/private/blobs/${layer.digest}`, token);
    expect(verdict(blob, layer.bytes)).toBe('right');
  });

  test('a token that grants hundreds of repositories may be as long as that takes', async () => {
    const pull = [...Array.from({ length: 500 }, (_, index) => `acme/team-${index}`), 'acme/private'];
    const token = await signToken(tokens.signer, Date.now(), { pull });
    expect(token.length).toBeGreaterThan(16 * 1024);
    expect(verdict(await get('/v2/acme/private/manifests/v1', token), image.bytes)).toBe('right');
  });

  test('a token without the scope is told which one it lacks, as podman wants to hear it', async () => {
    const ping = await get('/v2/');
    const token = await login(ping, 'repository:acme/other:pull', 'alice');
    const refused = await get('/v2/acme/private/manifests/v1', token);
    expect([refused.status, errorCode(refused)]).toStrictEqual([401, 'UNAUTHORIZED']);
    expect(challengeOf(refused)).toStrictEqual({
      realm: tokens.realm.href,
      service,
      scope: 'repository:acme/private:pull',
      error: 'insufficient_scope',
    });
    const better = await login(refused, undefined, 'alice');
    expect((await get('/v2/acme/private/manifests/v1', better)).status).toBe(200);
  });

  test('containerd gets its token by the answer to the pull', async () => {
    const path = '/v2/acme/private/manifests/v1?ns=docker.io';
    const token = await login(await get(path), undefined, 'alice');
    expect(tokens.scopes).toStrictEqual(['repository:acme/private:pull']);
    expect((await get(path, token)).status).toBe(200);
  });

  test('a public image is pulled without a token, with nobody’s, and with one for something else', async () => {
    const ping = await get('/v2/');
    const nobodys = await login(ping, 'repository:acme/public:pull');
    const another = await login(ping, 'repository:acme/private:pull', 'alice');
    for (const token of [undefined, nobodys, another]) {
      expect(verdict(await get('/v2/acme/public/manifests/v1', token), image.bytes)).toBe('right');
    }
  });

  test('a private image and one that is absent are told alike to a token that grants neither, cached or not', async () => {
    const token = await login(await get('/v2/'), 'repository:acme/public:pull', 'alice');
    const told = async (name: string): Promise<unknown> => {
      const { status, headers, bytes } = await get(`/v2/acme/${name}/manifests/v1`, token);
      return [status, headers['www-authenticate']?.replace(name, 'x'), bytes.toString()];
    };
    expect(await told('private')).toStrictEqual(await told('missing'));
    const alices = await login(await get('/v2/'), 'repository:acme/private:pull', 'alice');
    expect((await get('/v2/acme/private/manifests/v1', alices)).status).toBe(200);
    expect(await told('private')).toStrictEqual(await told('missing'));
  });

  test('a token that has expired is told so, for whatever it is shown', async () => {
    const token = await login(await get('/v2/'), 'repository:acme/public:pull', 'alice');
    entrepot.clock.advance(6 * 60_000 + 1000);
    for (const path of ['/v2/', '/v2/acme/public/manifests/v1']) {
      const refused = await get(path, token);
      expect([refused.status, challengeOf(refused)['error']]).toStrictEqual([401, 'invalid_token']);
    }
  });

  test('no token is in any log or answer', async () => {
    const answers: RawAnswer[] = [];
    const granted = await login(await get('/v2/'), 'repository:acme/private:pull', 'alice');
    const expired = await signToken(tokens.signer, Date.now() - 3_600_000, { subject: 'alice' });
    const shown = [granted, expired, 'ey.not.a-token', `${granted}x`];
    for (const token of shown) {
      for (const path of [
        '/v2/',
        '/v2/acme/private/manifests/v1',
        '/v2/acme/missing/tags/list',
        '/v2/_catalog',
      ]) {
        answers.push(await get(path, token));
      }
    }
    await entrepot.stop();
    const told = answers.map(({ headers, bytes }) => JSON.stringify(headers) + bytes.toString());
    const everything = [entrepot.log, ...told].join('\n');
    expect(everything).toContain('"user":"alice"');
    expect(everything).toContain('a token was refused');
    const parts = shown
      .flatMap((token) => [token, ...token.split('.').slice(1)])
      .filter((part) => part.length > 4);
    expect(parts.filter((part) => everything.includes(part))).toStrictEqual([]);
    expect(hub.requests.some(({ headers }) => headers.authorization?.includes(granted))).toBe(false);
  });
});
