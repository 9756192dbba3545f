import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createHttpApp } from '../../src/http/app.ts';
import { Authenticator } from '../../src/http/auth/authenticator.ts';
import { BasicScheme } from '../../src/http/auth/basic.ts';
import { BearerScheme } from '../../src/http/auth/bearer.ts';
import { groupsByUser } from '../../src/http/auth/auth-scheme.ts';
import { TokenKeys } from '../../src/http/auth/token-keys.ts';
import { parseRepositoryName, parseUpstreamName } from '../../src/oci/reference.ts';
import { FakeMirror } from '../support/fake-mirror.ts';
import { logLines } from '../support/log-lines.ts';
import { RawClient } from '../support/raw-client.ts';
import { Serving } from '../support/serving.ts';
import { TestClock } from '../support/test-clock.ts';
import { repeats } from '../support/depth.ts';

const methods = fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS');
const digest = `sha256:${'a'.repeat(64)}`;
const escapedByte = fc.nat(255).map((byte) => `%${byte.toString(16).padStart(2, '0')}`);
const piece = fc.oneof(
  fc.constantFrom(
    'v2',
    'manifests',
    'blobs',
    'tags',
    'list',
    'referrers',
    'uploads',
    '_catalog',
    'v1',
    'search',
    '_ping',
    'ghcr.io',
    '..',
    '.',
    '',
  ),
  fc.constantFrom('library', 'latest', digest, 'n', 'ns', 'last'),
  fc.string({ unit: 'grapheme' }).map((text) => encodeURIComponent(text.toWellFormed())),
  fc.array(escapedByte, { maxLength: 6 }).map((bytes) => bytes.join('')),
  fc.stringMatching(/^[!-~]{0,8}$/),
);
const path = fc
  .tuple(
    fc.constantFrom('/', '/v2/', '/v1/'),
    fc.array(piece, { maxLength: 8 }),
    fc.constantFrom('', '?n=1', '?ns=x', '?ns=ghcr.io', '?q=x', '?artifactType=x', '?%'),
  )
  .map(([start, pieces, query]) => `${start}${pieces.join('/')}${query}`);

test('no path makes the app fail, and no name that does not parse reaches the mirror', async () => {
  const mirror = new FakeMirror();
  const app = createHttpApp({ mirror, logger: logLines().logger, clock: new TestClock() });
  await fc.assert(
    fc.asyncProperty(methods, path, async (method, target) => {
      const response = await app.request(new Request(`http://test${target}`, { method }));
      expect(response.status).toBeLessThan(500);
    }),
    { numRuns: repeats(600, 3000) },
  );
  expect(mirror.targets.every(({ name }) => parseRepositoryName(name) !== undefined)).toBe(true);
});

/** What may stand in a header's value: Node has turned down the rest by then. */
const headerText = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
});
const base64 = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('base64'));
const json = fc.json().map((text) => Buffer.from(text).toString('base64url'));
const tokenHeader = fc
  .record({
    alg: fc.constantFrom('none', 'HS256', 'ES256', 'RS256', 'x'),
    kid: fc.anything(),
    x5c: fc.oneof(fc.array(base64), fc.anything()),
    jwk: fc.anything(),
    crit: fc.anything(),
  })
  .map((header) => Buffer.from(JSON.stringify(header)).toString('base64url'));
const token = fc.tuple(fc.oneof(tokenHeader, json), json, base64).map((parts) => parts.join('.'));
const authorization = fc.oneof(
  headerText,
  headerText.map((text) => `Basic ${text}`),
  base64.map((text) => `Basic ${text}`),
  token.map((text) => `Bearer ${text}`),
  json.map((text) => `Bearer ${text}`),
);

test('no Authorization and no Host make the app fail, let somebody in, or lead to a registry that is not configured', async () => {
  const mirror = new FakeMirror();
  const clock = new TestClock();
  const groups = groupsByUser({});
  const keys = await TokenKeys.read({ rootcertbundle: [], jwks: undefined });
  const realm = new URL('https://auth.test/token');
  const schemes = [
    new BasicScheme({
      realm: 'x',
      passwords: { check: () => Promise.resolve('wrong') },
      passthrough: true,
      groups,
    }),
    new BearerScheme({ realm, service: 's', issuer: 'i', keys, algorithms: [], groups, clock }),
  ];
  const { logger } = logLines();
  const ghcr = parseUpstreamName('ghcr.io');
  const hosts = new Map(ghcr === undefined ? [] : [['ghcr.test', ghcr]]);
  const app = createHttpApp({
    mirror,
    logger,
    clock,
    logins: new Authenticator({ schemes, closed: false, logger, clock }),
    hosts,
  });
  const host = fc.oneof(
    headerText,
    fc.constantFrom('ghcr.test', 'GHCR.TEST:5000', 'ghcr.test.', 'x.ghcr.test'),
  );
  const pulls = fc.constantFrom('/v2/box/tags/list', '/v2/box/tags/list?ns=ghcr.io', '/v1/search?q=x');
  await fc.assert(
    fc.asyncProperty(fc.oneof(path, pulls), authorization, host, async (target, shown, name) => {
      const headers = { authorization: shown, host: name };
      const response = await app.request(new Request(`http://test${target}`, { headers }));
      expect(response.status).toBeLessThan(500);
      expect(response.headers.has('www-authenticate')).toBe(response.status === 401);
    }),
    { numRuns: repeats(400, 2000) },
  );
  expect(Math.min(mirror.readers.length, mirror.targets.length)).toBeGreaterThan(0);
  const readers = [...mirror.readers, ...mirror.targets.map(({ reader }) => reader)];
  expect(
    readers.filter(({ user, credentials }) => user !== undefined || credentials !== undefined),
  ).toStrictEqual([]);
  const namespaces = new Set(mirror.targets.map(({ namespace }) => namespace));
  expect(
    [...namespaces].filter((name) => name !== undefined && name !== 'x' && name !== 'ghcr.io'),
  ).toStrictEqual([]);
});

test('no bytes in a request line make the server fail or fall silent', async () => {
  await using serving = await Serving.start();
  const bytes = fc.array(fc.nat(255), { maxLength: 40 }).map((codes) =>
    Buffer.from(codes)
      .toString('latin1')
      .replaceAll(/[\r\n]/g, ''),
  );
  await fc.assert(
    fc.asyncProperty(methods, fc.oneof(bytes, path), async (method, target) => {
      using client = await RawClient.connect(serving.origin);
      client.send(`${method} /v2/${target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n`);
      const { status } = await client.head();
      expect(status).toBeGreaterThanOrEqual(200);
      expect(status).toBeLessThan(500);
    }),
    { numRuns: repeats(60, 300) },
  );
  expect(serving.log.lines.filter(({ level }) => Number(level) >= 50)).toStrictEqual([]);
});
