import { writeFile } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import type { StoreError } from '../../../src/store/store-error.ts';
import { SqliteMetadataStore } from '../../../src/store/sqlite/metadata-store.ts';
import { expire } from '../../contract/metadata-store/evicting.ts';
import { putImage, repositoryNamed } from '../../contract/metadata-store/subject.ts';
import { makeImage } from '../../support/image.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { TestClock } from '../../support/test-clock.ts';

const repository = repositoryNamed('library/busybox');
const digest = digestOf(Buffer.from('blob'));

it('makes the folder that its file is to lie in', async () => {
  await using folder = await TempFolder.create();
  const store = await SqliteMetadataStore.open(folder.join('a', 'b', 'metadata.db'), new TestClock());
  await expect(store.check()).resolves.toBeUndefined();
  await store.close();
});

it('refuses a database that a newer version wrote, and leaves it usable for that version', async () => {
  await using folder = await TempFolder.create();
  const file = folder.join('metadata.db');
  const newer = new Database(file);
  newer.pragma('user_version = 1000');
  newer.close();
  await expect(SqliteMetadataStore.open(file, new TestClock())).rejects.toMatchObject({
    name: 'StoreError',
    code: 'NEWER_SCHEMA',
  });
  const again = new Database(file);
  expect(again.pragma('user_version', { simple: true })).toBe(1000);
  again.close();
});

it('says what is wrong with a file that is no database, or a place that takes none', async () => {
  await using folder = await TempFolder.create();
  const file = folder.join('metadata.db');
  await writeFile(file, 'this is not a database, and long enough to be seen as none'.repeat(100));
  const open = (path: string) => SqliteMetadataStore.open(path, new TestClock());
  await expect(open(file)).rejects.toMatchObject({ name: 'StoreError', code: 'CORRUPT' });
  await expect(open(folder.path)).rejects.toMatchObject({ name: 'StoreError', code: 'NOT_WRITABLE' });
  await expect(open('/proc/entrepot/metadata.db')).rejects.toMatchObject({ name: 'StoreError' });
});

it('says that the database is locked when another process holds it, and reads on meanwhile', async () => {
  await using folder = await TempFolder.create();
  const file = folder.join('metadata.db');
  const store = await SqliteMetadataStore.open(file, new TestClock());
  await store.putBlob(digest, 4);
  const other = new Database(file);
  other.exec('BEGIN EXCLUSIVE');
  await expect(store.check()).rejects.toMatchObject({ name: 'StoreError', code: 'LOCKED' });
  expect(await store.blob(digest)).toBe(4);
  other.exec('ROLLBACK');
  other.close();
  await expect(store.check()).resolves.toBeUndefined();
  await store.close();
});

it('shows two processes the same data', async () => {
  await using folder = await TempFolder.create();
  const file = folder.join('metadata.db');
  const clock = new TestClock();
  const one = await SqliteMetadataStore.open(file, clock);
  const two = await SqliteMetadataStore.open(file, clock);
  const image = makeImage({ layers: 1 });
  await putImage(one, repository, image, 'latest');
  expect((await two.manifest(repository, image.digest))?.bytes).toEqual(image.bytes);
  await two.putBlob(digest, 4);
  expect(await one.blob(digest)).toBe(4);
  await Promise.all([one.close(), two.close()]);
});

it('writes uses while it runs, not only at the end', async () => {
  await using folder = await TempFolder.create();
  const file = folder.join('metadata.db');
  const clock = new TestClock();
  const store = await SqliteMetadataStore.open(file, clock);
  await store.putBlob(digest, 4);
  await clock.advance(1000);
  store.touch([digest]);
  await clock.advance(30_000);
  const reader = new Database(file, { readonly: true });
  expect(reader.prepare('SELECT last_used_at - created_at FROM blob').pluck().get()).toBe(1000);
  reader.close();
  await store.close();
});

it('tells of uses that it could not write down, and writes them later', async () => {
  await using folder = await TempFolder.create();
  const file = folder.join('metadata.db');
  const clock = new TestClock();
  const troubles: StoreError[] = [];
  const store = await SqliteMetadataStore.open(file, clock, (error) => troubles.push(error));
  await store.putBlob(digest, 4);
  await clock.advance(1000);
  store.touch([digest]);
  const other = new Database(file);
  other.exec('BEGIN EXCLUSIVE');
  await clock.advance(30_000);
  other.exec('ROLLBACK');
  expect(troubles).toMatchObject([{ name: 'StoreError', code: 'LOCKED' }]);
  await store.close();
  expect(other.prepare('SELECT last_used_at - created_at FROM blob').pluck().get()).toBe(1000);
  other.close();
});

it('closes although the last uses cannot be written down, and tells of them', async () => {
  await using folder = await TempFolder.create();
  const file = folder.join('metadata.db');
  const troubles: StoreError[] = [];
  const store = await SqliteMetadataStore.open(file, new TestClock(), (error) => troubles.push(error));
  await store.putBlob(digest, 4);
  store.touch([digest]);
  const other = new Database(file);
  other.exec('BEGIN EXCLUSIVE');

  await expect(store.close()).resolves.toBeUndefined();

  expect(troubles.map(({ code }) => code)).toEqual(['LOCKED']);
  other.close();
});

it('keeps no row of a repository that holds nothing any more, nor of referrers of what nobody has', async () => {
  await using folder = await TempFolder.create();
  const file = folder.join('metadata.db');
  const clock = new TestClock();
  const store = await SqliteMetadataStore.open(file, clock);
  const [gone, kept] = [makeImage({ seed: 1 }), makeImage({ seed: 2 })];
  await putImage(store, repository, gone);
  await store.putReferrers(repository, gone.digest, [], clock.now());
  await store.putPublic(repository, clock.now());
  await store.putRepositoryBlob(repositoryNamed('confirmed'), digest, 4);
  await store.putReferrers(repositoryNamed('asked-long-ago'), digest, [], clock.now());
  await store.putReferrers(repositoryNamed('used'), kept.digest, [], clock.now());
  await store.putReferrers(repositoryNamed('used'), digest, [], clock.now());
  await clock.advance(1000);
  await putImage(store, repositoryNamed('used'), kept);
  await store.putBlob(digest, 4);
  await store.putReferrers(repositoryNamed('asked-lately'), digest, [], clock.now());
  await store.putPublic(repositoryNamed('public'), clock.now());
  await expire(store, clock.now());
  await store.close();
  const reader = new Database(file, { readonly: true });
  const column = (sql: string): unknown => reader.prepare(sql).pluck().all();
  expect(column('SELECT name FROM repository ORDER BY name')).toEqual([
    'asked-lately',
    'confirmed',
    'public',
    'used',
  ]);
  expect(column('SELECT subject FROM referrers ORDER BY checked_at')).toEqual([kept.digest, digest]);
  reader.close();
});
