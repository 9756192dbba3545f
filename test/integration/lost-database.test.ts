import { rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { ask, verdict } from '../support/ask.ts';
import { overwrite } from '../support/data-folder.ts';
import { eventually } from '../support/deadline.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage, noise, type Image } from '../support/image.ts';
import { noPartialBlobs } from '../support/store-folder.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';

const repository = 'library/hello';
const image = makeImage({ layers: [40_000, 2000] });
const right = ['right', 'right', 'right', 'right'];

/** What a client makes of each part of the image. */
async function pull(url: string, tag = 'latest', of: Image = image): Promise<readonly string[]> {
  const manifest = verdict(await ask(url, `/v2/${repository}/manifests/${tag}`), of.bytes);
  const blobs = [];
  for (const { digest, bytes } of [of.config, ...of.layers]) {
    blobs.push(verdict(await ask(url, `/v2/${repository}/blobs/${digest}`), bytes));
  }
  return [manifest, ...blobs];
}

function databaseOf(entrepot: TestEntrepot): string {
  return join(entrepot.folder, 'metadata.sqlite');
}

/** Bytes of blobs that upstream has sent. */
function sent(hub: FakeHub): number {
  return [image.config, ...image.layers].reduce((sum, { digest }) => sum + hub.bytesSent(digest), 0);
}

async function filled(hub: FakeHub): Promise<TestEntrepot> {
  hub.addImage(repository, 'latest', image);
  const entrepot = await TestEntrepot.start({ upstream: hub.url });
  expect(await pull(entrepot.url)).toEqual(right);
  await noPartialBlobs(entrepot.folder);
  return entrepot;
}

it.each([
  ['missing', (file: string) => rm(file)],
  ['empty', (file: string) => truncate(file, 0)],
  ['no database at all', (file: string) => writeFile(file, noise(20_000, 'not a database'))],
])(
  'starts on a database that is %s, and serves the blobs on disk once upstream has confirmed them',
  async (_, spoil) => {
    await using hub = await FakeHub.start();
    await using entrepot = await filled(hub);
    const before = sent(hub);
    await entrepot.stop();
    await spoil(databaseOf(entrepot));
    await entrepot.start();
    expect(entrepot.log).toContain('nothing could be read of the old one');
    hub.down();
    const refused = await ask(entrepot.url, `/v2/${repository}/blobs/${image.config.digest}`);
    expect(refused.status).toBeGreaterThanOrEqual(400);
    await hub.up();
    entrepot.clock.advance(10 * 60_000);
    expect(await pull(entrepot.url)).toEqual(right);
    expect(sent(hub), 'no blob comes from upstream a second time').toBe(before);
  },
);

it('serves without its upstream what could be read of a database that has lost its end', async () => {
  await using hub = await FakeHub.start();
  await using entrepot = await filled(hub);
  await entrepot.stop();
  hub.down();
  const file = databaseOf(entrepot);
  // Room at the end that only pins take.
  const database = new Database(file);
  const insert = database.prepare('INSERT INTO pin (pattern, created_at) VALUES (?, 1)');
  for (let number = 0; number < 300; number += 1) insert.run(`docker.io/${'x'.repeat(100)}/${number}`);
  database.close();
  await truncate(file, (await stat(file)).size - 8192);
  await entrepot.start();
  expect(entrepot.log).toContain('is rebuilt from what could be read');
  expect(await pull(entrepot.url)).toEqual(right);
});

it('goes on when its database is spoiled while it runs, with one line at the beginning and one at the end', async () => {
  await using hub = await FakeHub.start();
  await using entrepot = await filled(hub);
  const others = Array.from({ length: 30 }, (_, index) =>
    makeImage({ seed: 100 + index, layers: [500, 300] }),
  );
  for (const [index, other] of others.entries()) hub.addImage(repository, `v${index}`, other);
  const file = databaseOf(entrepot);
  const checkpoint = new Database(file);
  checkpoint.pragma('wal_checkpoint(TRUNCATE)');
  checkpoint.close();
  const { size } = await stat(file);
  await overwrite(file, 4096, noise(size - 4096, 'damage'));
  for (const [index, other] of others.entries()) {
    expect(await pull(entrepot.url, `v${index}`, other), `v${index}`).toEqual(right);
  }
  await eventually(60_000, 'the new database', () =>
    entrepot.log.includes('blobs on disk are in the rebuilt'),
  );
  expect(entrepot.log.split('the metadata database is lost').length - 1).toBe(1);
  expect(await pull(entrepot.url)).toEqual(right);
  await noPartialBlobs(entrepot.folder);
  await eventually(60_000, 'readiness', async () => (await ask(entrepot.url, '/readyz')).status === 200);
  const before = sent(hub);
  await entrepot.restart();
  expect(await pull(entrepot.url)).toEqual(right);
  hub.down();
  expect(await pull(entrepot.url)).toEqual(right);
  expect(sent(hub)).toBe(before);
});

it('does not start on a database of a newer version, and leaves it as it is', async () => {
  await using hub = await FakeHub.start();
  await using entrepot = await filled(hub);
  await entrepot.stop();
  const newer = new Database(databaseOf(entrepot));
  newer.pragma('user_version = 1000');
  newer.close();
  await expect(entrepot.start()).rejects.toMatchObject({ code: 'NEWER_SCHEMA' });
  const again = new Database(databaseOf(entrepot), { readonly: true });
  expect(again.prepare('SELECT count(*) FROM manifest').pluck().get()).toBe(1);
  again.close();
});
