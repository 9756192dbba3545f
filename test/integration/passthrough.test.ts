import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ask, basic as basicHeader, verdict } from '../support/ask.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const image = makeImage({ layers: [200_000] });
const [layer = image.config] = image.layers;
const bob = { username: 'bob', password: 'correct horse' };
const robot = { username: 'robot', password: 'battery staple' };
const basic = Buffer.from(`${bob.username}:${bob.password}`).toString('base64');

test("a client's registry credentials go to that registry's token service, once, and are kept nowhere", async () => {
  await using hub = await FakeHub.start({ credentials: bob });
  await using other = await FakeHub.start({ credentials: robot });
  hub.addImage('acme/private', 'v1', image);
  hub.makePrivate('acme/private');
  await using entrepot = await TestEntrepot.start({
    upstream: other.url,
    credentials: robot,
    others: [{ name: 'registry.corp', url: hub.url, credentials: bob }],
    auth: { passthrough: true },
  });
  const path = '/v2/registry.corp/acme/private';
  const headers = { authorization: `Basic ${basic}` };

  const manifest = await ask(entrepot.url, `${path}/manifests/v1`, headers);
  const blob = await ask(entrepot.url, `${path}/blobs/${layer.digest}`, headers);

  expect(verdict(manifest, image.bytes)).toBe('right');
  expect(verdict(blob, layer.bytes)).toBe('right');
  expect(other.requests).toEqual([]);
  const shown = hub.requests.filter(({ headers: sent }) => sent.authorization === headers.authorization);
  // One token for the check, one for the mirror's own pull, which has the same account here.
  expect(shown.map(({ server }) => server)).toEqual(['token', 'token']);
  const sentToCdn = hub.requests.filter(({ server }) => server === 'cdn').map(({ headers: sent }) => sent);
  expect(sentToCdn.length).toBeGreaterThan(0);
  expect(sentToCdn.filter(({ authorization }) => authorization !== undefined)).toEqual([]);

  await entrepot.stop();
  for (const entry of await readdir(entrepot.folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name));
    for (const secret of [basic, bob.password, robot.password]) expect(bytes.includes(secret)).toBe(false);
  }
  for (const secret of [basic, bob.password, robot.password]) expect(entrepot.log).not.toContain(secret);
});

test('a password of 12 KiB, as some registries give out for a short time, goes all the way', async () => {
  const account = { username: 'oauth2accesstoken', password: 'p'.repeat(12 * 1024) };
  await using hub = await FakeHub.start({ credentials: account });
  hub.addImage('acme/private', 'v1', image);
  hub.makePrivate('acme/private');
  await using entrepot = await TestEntrepot.start({
    upstream: hub.url,
    credentials: account,
    auth: { passthrough: true },
  });
  const manifest = await ask(
    entrepot.url,
    '/v2/acme/private/manifests/v1',
    basicHeader(account.username, account.password),
  );
  expect(verdict(manifest, image.bytes)).toBe('right');
});
