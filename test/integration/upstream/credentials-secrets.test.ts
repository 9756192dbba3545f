import { describe, expect, it } from 'vitest';
import type { CredentialProvider } from '../../../src/upstream/auth/credentials.ts';
import { createCredentialProvider } from '../../../src/upstream/credentials/create-credential-provider.ts';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { FakeHelper } from '../../support/fake-helper.ts';
import { logLines } from '../../support/log-lines.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { basic, dialectServer, type DialectServer } from './dialect.ts';
import { clientOf, everythingIn, repositoryName, tagReference } from './harness.ts';

const busybox = repositoryName('library/busybox');
const latest = tagReference('latest');

/** Of each kind one, unlike anything else in a message. */
const password = 'hunter2/hunter2+hunter2';
const identityToken = 'opaque-refresh-token-4711';
const rotatedToken = 'rotated-refresh-token-4712';
const registryToken = 'opaque-registry-token-4713';
const issuedToken = 'opaque-issued-token-4714';

const everySecret = [password, identityToken, rotatedToken, registryToken, issuedToken].flatMap((secret) => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64'),
]);
const secrets = [...everySecret, basic('owner', password).slice('Basic '.length)];

const kinds = {
  'a password': { username: 'owner', password },
  'an identity token': { username: 'owner', identitytoken: identityToken },
  'a registry token': { registrytoken: registryToken },
} as const;

type Kind = keyof typeof kinds;

/** An error that says `words`. */
function errorBody(words: readonly string[]): unknown {
  return { errors: [{ code: 'UNKNOWN', message: words.join(' ') }] };
}

/**
 * A registry whose token service grants a token first, and from then on repeats in errors what it is shown.
 */
function gossip(scheme: 'bearer' | 'basic', status: number): Promise<DialectServer> {
  let granted = false;
  return dialectServer({
    challenge: (origin) =>
      scheme === 'basic' ? 'Basic realm="registry"' : `Bearer realm="${origin}/token",service="registry"`,
    realm: '/token',
    token: ({ parameters, basic: shown }) => {
      if (granted) return { status, body: errorBody([shown ?? '', parameters.get('refresh_token') ?? '']) };
      granted = true;
      return { body: { access_token: issuedToken, refresh_token: rotatedToken, expires_in: 0 } };
    },
    status: (authorization) => (authorization === undefined ? 401 : status),
    words: (authorization = '') => {
      const value = authorization.split(' ')[1] ?? '';
      return JSON.stringify(errorBody([authorization, value, Buffer.from(value, 'base64').toString('utf8')]));
    },
  });
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function fromDockerConfig(host: string, kind: Kind): CredentialProvider {
  const text = JSON.stringify({ auths: { [host]: kinds[kind] } });
  return createCredentialProvider(
    { kind: 'docker-config', file: undefined, text },
    { clock: systemClock(), logger: logLines().logger },
  );
}

const statuses = [400, 401, 403, 404, 405, 429, 500];
const everyCase = (['bearer', 'basic'] as const).flatMap((scheme) =>
  (Object.keys(kinds) as Kind[]).map((kind) => ({ scheme, kind })),
);

describe('no credential is in a log line, an error or its causes', () => {
  it.each(everyCase)(
    'of $kind at a $scheme registry that repeats what it is told',
    async ({ scheme, kind }) => {
      for (const status of statuses) {
        await using registry = await gossip(scheme, status);
        const credentials = fromDockerConfig(new URL(registry.url).host, kind);
        await using client = clientOf(registry.url, { credentials });
        const errors = [
          await errorOf(client.registry.getManifest(busybox, latest)),
          await errorOf(client.registry.getManifest(busybox, latest)),
          await errorOf(client.registry.listTags(busybox)),
        ];
        expect(errors.every((error) => error instanceof UpstreamError)).toBe(true);
        const text = [client.log(), ...errors.map(everythingIn)].join('\n');
        expect(client.log()).toContain('upstream answered');
        expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
      }
    },
  );

  it('of a helper that fails in every way that it can', async () => {
    await using folder = await TempFolder.create();
    const helper = await FakeHelper.create(folder);
    await using registry = await gossip('basic', 403);
    const { logger, lines } = logLines('trace');
    const source = { kind: 'helper', program: helper.program, lifetimeMs: 0 } as const;
    const credentials = createCredentialProvider(source, { clock: systemClock(), logger });
    await using client = clientOf(registry.url, { credentials });
    const errors: unknown[] = [];
    const answer = JSON.stringify({ Username: 'owner', Secret: password });
    for (const [text, exitCode] of [
      [answer, 0],
      [answer, 1],
      [password, 0],
      [`${answer}}`, 0],
      [`{"Username":"<token>","Secret":"${identityToken}"}`, 0],
    ] as const) {
      await helper.says(text, exitCode, password);
      errors.push(await errorOf(client.registry.getManifest(busybox, latest)));
    }
    expect(errors.map((error) => (error instanceof UpstreamError ? error.kind : error))).toEqual([
      'denied',
      'unavailable',
      'unavailable',
      'unavailable',
      'invalid',
    ]);
    const text = [JSON.stringify(lines), client.log(), ...errors.map(everythingIn)].join('\n');
    expect(text).toContain('the credential helper failed');
    expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
  });
});
