import { afterEach, beforeEach, expect, test } from 'vitest';
import { ask, verdict } from '../support/ask.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import type { RawAnswer } from '../support/raw-client.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const repository = 'acme/private';
const image = makeImage({ layers: [200_000] });
const [layer = image.config] = image.layers;
const credentials = { username: 'robot', password: 'correct horse/battery+staple' };
/** What a client offers to a mirror that it takes for Docker Hub. */
const clientSecret = Buffer.from('moby:whale-of-a-secret').toString('base64');

let hub: FakeHub;
let entrepot: TestEntrepot;

beforeEach(async () => {
  hub = await FakeHub.start({ credentials });
  hub.addImage(repository, 'latest', image);
  hub.makePrivate(repository);
  const timeouts = { headerMs: 1500, idleMs: 1500 };
  const access = { private: 'allow' } as const;
  entrepot = await TestEntrepot.start({ upstream: hub.url, credentials, access, timeouts });
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
});

/** Everything that must stay between Entrepot and its upstream, or with the client. */
function secrets(): readonly string[] {
  const basic = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  const signatures = hub.requests.flatMap(({ server, query }) =>
    server === 'cdn' ? [query.get('signature') ?? ''] : [],
  );
  const written = [credentials.password, encodeURIComponent(credentials.password), basic];
  return [...written, clientSecret, 'whale-of-a-secret', ...hub.issuedTokens, ...signatures];
}

function textOf({ headers, bytes }: RawAnswer): string {
  return JSON.stringify(headers) + bytes.toString('latin1');
}

test('no password, token or signed URL is logged or told, whatever goes wrong', async () => {
  const paths = [
    `/v2/${repository}/manifests/latest`,
    `/v2/${repository}/manifests/${image.digest}`,
    `/v2/${repository}/blobs/${layer.digest}`,
    `/v2/${repository}/blobs/${image.config.digest}`,
    `/v2/${repository}/tags/list`,
    '/v2/acme/nothing/manifests/latest',
    '/v2/_catalog',
  ];
  const troubles = [
    () => hub.fault({ on: 'cdn', kind: 'hang', times: 6 }),
    () => hub.fault({ on: 'cdn', kind: 'reset', times: 6 }),
    () => hub.fault({ on: 'blob', kind: 'expired-url', times: 3 }),
    () => hub.fault({ on: 'cdn', kind: 'status', status: 500 }),
    () => hub.fault({ on: 'token', kind: 'status', status: 401 }),
    () => hub.fault({ on: 'token', kind: 'reset' }),
    () => hub.fault({ on: 'manifest', kind: 'status', status: 401 }),
    () => hub.fault({ on: 'blob', kind: 'cut', afterBytes: 100_000, times: 1 }),
  ];
  const told: string[] = [];
  const askAll = async (): Promise<void> => {
    const authorization = `Basic ${clientSecret}`;
    const answers = await Promise.all(paths.map((path) => ask(entrepot.url, path, { authorization })));
    told.push(...answers.map(textOf));
  };
  for (const begin of troubles) {
    hub.expireTokens();
    begin();
    await askAll();
    hub.clearFaults();
  }
  await askAll();
  const answer = await ask(entrepot.url, `/v2/${repository}/blobs/${layer.digest}`);
  expect(verdict(answer, layer.bytes)).toBe('right');
  await entrepot.stop();

  expect(hub.issuedTokens.length).toBeGreaterThan(3);
  expect(hub.count({ server: 'cdn' })).toBeGreaterThan(3);
  const everything = [entrepot.log, ...told].join('\n');
  expect(everything).toContain(layer.digest);
  expect(secrets().filter((secret) => secret !== '' && everything.includes(secret))).toEqual([]);
});

test('what a client offers as credentials goes nowhere', async () => {
  const authorization = `Basic ${clientSecret}`;
  await ask(entrepot.url, `/v2/${repository}/manifests/latest`, { authorization, cookie: 'session=1' });
  await ask(entrepot.url, `/v2/${repository}/blobs/${layer.digest}`, { authorization, cookie: 'session=1' });

  const sent = hub.requests.map(({ headers }) => JSON.stringify(headers)).join('\n');
  expect(sent).not.toContain(clientSecret);
  expect(sent).not.toContain('session=1');
});

test('a token service of another domain never gets the password', async () => {
  const authenticate = { 'www-authenticate': 'Bearer realm="http://127.0.0.2:1/token",service="x"' };
  hub.fault({ on: 'any', kind: 'status', status: 401, headers: authenticate });
  const answer = await ask(entrepot.url, `/v2/${repository}/manifests/latest`);
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(hub.requests.some(({ headers }) => headers.authorization?.startsWith('Basic') === true)).toBe(false);
});
