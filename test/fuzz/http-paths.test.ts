import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createHttpApp } from '../../src/http/app.ts';
import { parseRepositoryName } from '../../src/oci/reference.ts';
import { FakeMirror } from '../support/fake-mirror.ts';
import { logLines } from '../support/log-lines.ts';
import { RawClient } from '../support/raw-client.ts';
import { Serving } from '../support/serving.ts';
import { TestClock } from '../support/test-clock.ts';

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
    fc.constantFrom('/', '/v2/'),
    fc.array(piece, { maxLength: 8 }),
    fc.constantFrom('', '?n=1', '?ns=x', '?%'),
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
    { numRuns: 3000 },
  );
  expect(mirror.targets.every(({ name }) => parseRepositoryName(name) !== undefined)).toBe(true);
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
    { numRuns: 300 },
  );
  expect(serving.log.lines.filter(({ level }) => Number(level) >= 50)).toStrictEqual([]);
});
