import { copyFile, cp, rm, stat, truncate, writeFile } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import type { Tag } from '../../../src/oci/reference.ts';
import type { MetadataStore } from '../../../src/store/metadata-store.ts';
import {
  blobsOf,
  putImage,
  repositoryNamed,
  tagNamed,
  upstreamNamed,
} from '../../contract/metadata-store/subject.ts';
import { DataFolder, overwrite } from '../../support/data-folder.ts';
import { eventually } from '../../support/deadline.ts';
import { makeImage, noise, type Image } from '../../support/image.ts';

const pageSize = 4096;
const images = Array.from({ length: 40 }, (_, seed) => makeImage({ seed, layers: [100, 200] }));
const named = (index: number) => repositoryNamed(`library/app${index % 6}`);
const tagOf = (index: number) => tagNamed(`v${index}`);

const guarded = ['docker.io', 'ghcr.io'];

let filled: DataFolder;

/** Fills a folder with images, half of whose blobs are there, and all else that a database remembers. */
beforeAll(async () => {
  filled = await DataFolder.create();
  const store = await filled.open();
  for (const [index, image] of images.entries()) {
    await putImage(store, named(index), image, tagOf(index));
    for (const { digest, size, bytes } of index % 2 === 0 ? blobsOf(image) : []) {
      await filled.putFile(digest, bytes);
      await store.putBlob(digest, size);
      await store.putRepositoryBlob(named(index), digest, size);
    }
  }
  await store.putPublic(named(0), 77);
  await store.putReferrers(named(0), first().digest, [descriptorOf(first())], 55);
  await store.putAbsent(named(0), unsigned(), 44);
  await store.putUpstreamState(named(0).upstream, { failures: 3, retryAt: 9, limit: 100 });
  for (const name of guarded) await store.putGuarded(upstreamNamed(name));
  await store.inventory.addPin('docker.io/library/app1:*');
  await filled.close();
});

afterAll(() => filled[Symbol.asyncDispose]());

async function fill(folder: DataFolder): Promise<void> {
  await cp(filled.path, folder.path, { recursive: true });
}

function first(): Image {
  const [image] = images;
  if (image === undefined) throw new Error('there are images');
  return image;
}

/** The tag that a signature of the first image would have. */
function unsigned(): Tag {
  return tagNamed(`${first().digest.replace(':', '-')}.sig`);
}

function descriptorOf({ mediaType, digest, size }: Image) {
  return { mediaType, digest, size };
}

/** How many tags still lead to their image. Fails for one that leads anywhere else. */
async function rightTags(store: MetadataStore): Promise<number> {
  let right = 0;
  for (const [index, image] of images.entries()) {
    const tag = await store.tag(named(index), tagOf(index));
    if (tag === undefined) continue;
    const manifest = await store.manifest(named(index), image.digest);
    // Where only an index still says what a tag points to, it has to be checked anew: as of the beginning of
    // time.
    const isRight = tag.digest === image.digest && tag.checkedAt <= 1 && manifest?.bytes.equals(image.bytes);
    if (isRight !== true) throw new Error(`the tag of image ${index} leads astray`);
    right += 1;
  }
  return right;
}

/** Waits until the blobs on disk have their rows. */
async function blobsFound(folder: DataFolder): Promise<void> {
  await eventually(60_000, 'the blobs on disk', () =>
    folder.messages().includes('the blobs on disk are in the rebuilt metadata database'),
  );
}

async function databaseRow(file: string, sql: string): Promise<unknown> {
  const reader = new Database(file, { readonly: true });
  try {
    return await Promise.resolve(reader.prepare(sql).get());
  } finally {
    reader.close();
  }
}

describe('a rebuilt database', () => {
  it('has all that the one before it had, when that is whole but for a page that nobody needs', async () => {
    await using folder = await DataFolder.create();
    await fill(folder);
    const lastUse = await databaseRow(folder.database, `SELECT sum(last_used_at) AS sum FROM blob`);
    // An index that nothing is read from: SQLite notices only when it is written to.
    const { rootpage } = (await databaseRow(
      folder.database,
      `SELECT rootpage FROM sqlite_schema WHERE name = 'manifest_queue'`,
    )) as { rootpage: number };
    await overwrite(folder.database, (rootpage - 1) * pageSize, noise(pageSize, 'damage'));
    await folder.clock.advance(60 * 60_000);
    let store = await folder.open();
    await expect(putImage(store, named(0), makeImage({ seed: 1000 }))).rejects.toMatchObject({
      name: 'StoreError',
      code: 'CORRUPT',
    });
    await blobsFound(folder);
    store = await folder.open();
    expect(await rightTags(store)).toBe(images.length);
    expect(await store.publicSince(named(0))).toBe(0);
    expect(await store.publicSince(named(1))).toBeUndefined();
    expect(await store.referrers(named(0), first().digest)).toEqual({
      descriptors: [descriptorOf(first())],
      checkedAt: 55,
    });
    expect(await store.absentSince(named(0), unsigned())).toBe(44);
    expect(await store.upstreamState(named(0).upstream)).toMatchObject({
      failures: 3,
      retryAt: 9,
      limit: 100,
    });
    expect(await store.guardedUpstreams()).toEqual(guarded);
    expect(await store.inventory.pins()).toMatchObject([{ pattern: 'docker.io/library/app1:*' }]);
    for (const [index, image] of images.entries()) {
      for (const { digest, size } of blobsOf(image)) {
        const held = index % 2 === 0;
        expect(await store.repositoryBlob(named(index), digest)).toEqual({
          size,
          measured: held,
          confirmed: held,
        });
        expect(await store.blob(digest)).toBe(held ? size : undefined);
      }
    }
    expect(await store.audit.errors()).toEqual({ accounts: [], danglingTags: [] });
    expect(await store.inventory.integrity()).toEqual([]);
    await folder.close();
    expect(await databaseRow(folder.database, `SELECT sum(last_used_at) AS sum FROM blob`)).toEqual(lastUse);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'has nothing wrong in it, whatever pages of the old one are noise (seed %d)',
    async (seed) => {
      await using folder = await DataFolder.create();
      await fill(folder);
      const pages = (await stat(folder.database)).size / pageSize;
      const dice = noise(64, `dice ${seed}`);
      for (let hit = 0; hit < 2 * seed; hit += 1) {
        const page = dice.readUInt32LE(hit * 4) % pages;
        await overwrite(folder.database, page * pageSize, noise(pageSize, `damage ${seed}/${hit}`));
      }
      let store = await folder.open();
      // Whoever comes upon the damage sets it right.
      await store.inventory.counts().catch(() => undefined);
      await rightTags(store).catch(() => undefined);
      for (const problem of await store.inventory.integrity().catch(() => []))
        expect(problem).toEqual(expect.any(String));
      await store.check().catch(() => undefined);
      await eventually(60_000, 'a database that answers', async () => {
        try {
          await rightTags(store);
          return true;
        } catch (error) {
          expect(error).toMatchObject({ name: 'StoreError', code: 'CORRUPT' });
          return false;
        }
      });
      store = await folder.open();
      await rightTags(store);
      if ((await folder.damaged()).length === 0) return;
      expect(await store.inventory.integrity()).toEqual([]);
    },
  );

  it('is made of what a file still has when it has lost its end', async () => {
    await using folder = await DataFolder.create();
    await fill(folder);
    await truncate(folder.database, Math.floor((await stat(folder.database)).size * 0.6));
    const store = await folder.open();
    expect(folder.messages(50)).toHaveLength(1);
    const right = await rightTags(store);
    expect(right).toBeGreaterThan(0);
    expect(right).toBeLessThan(images.length);
    expect(await store.inventory.integrity()).toEqual([]);
    expect(await folder.damaged()).toHaveLength(1);
  });

  it('takes from the backup what cannot be read', async () => {
    await using folder = await DataFolder.create();
    await fill(folder);
    await copyFile(folder.database, folder.join('metadata.backup.sqlite'));
    await writeFile(folder.database, noise(50_000, 'not a database'));
    const store = await folder.open();
    expect(await rightTags(store)).toBe(images.length);
    expect(await store.guardedUpstreams()).toEqual(guarded);
    await blobsFound(folder);
    expect(await store.blob(first().config.digest)).toBe(first().config.size);
  });

  it('prefers what the damaged one says to what the backup says', async () => {
    await using folder = await DataFolder.create();
    await fill(folder);
    await copyFile(folder.database, folder.join('metadata.backup.sqlite'));
    let store = await folder.open();
    await store.putTag(named(0), tagOf(0), { digest: first().digest, checkedAt: 500 });
    await store.putPublic(named(0), undefined);
    await folder.close();
    await truncate(folder.database, (await stat(folder.database)).size - pageSize);
    store = await folder.open();
    expect(folder.messages(50)).toHaveLength(1);
    expect(await store.tag(named(0), tagOf(0))).toEqual({ digest: first().digest, checkedAt: 500 });
    expect(await store.publicSince(named(0))).toBeUndefined();
  });

  it.each([
    ['is missing', (file: string) => rm(file)],
    ['is empty', (file: string) => truncate(file, 0)],
    ['is none', (file: string) => writeFile(file, noise(9000, 'not a database'))],
  ])('has the blobs on disk, and no right to them, when the file %s', async (_, spoil) => {
    await using folder = await DataFolder.create();
    await fill(folder);
    await spoil(folder.database);
    const store = await folder.open();
    await blobsFound(folder);
    expect(await rightTags(store)).toBe(0);
    const { digest, size } = first().config;
    expect(await store.blob(digest)).toBe(size);
    expect(await store.repositoryBlob(named(0), digest)).toBeUndefined();
    expect(await store.anyManifest(first().digest)).toBeUndefined();
    expect(folder.messages(40)).toEqual(
      expect.arrayContaining([
        expect.stringContaining('nothing could be read'),
        expect.stringContaining('account'),
      ]),
    );
    const blobs = images.filter((_image, index) => index % 2 === 0).flatMap(blobsOf);
    expect((await store.inventory.counts()).blobs).toBe(new Set(blobs.map((blob) => blob.digest)).size);
    folder.log.lines.length = 0;
    await folder.open();
    expect(folder.messages()).toEqual([]);
  });

  it.each([
    ['does not say which upstreams have an account', 'DELETE FROM guarded_upstream', false],
    ['has no table of them, as its schema is damaged', 'DROP TABLE guarded_upstream', true],
  ])('hides what is private when the old one %s', async (_, sql, isTold) => {
    await using folder = await DataFolder.create();
    await fill(folder);
    const spoiled = new Database(folder.database);
    spoiled.exec(sql);
    spoiled.close();
    await truncate(folder.database, (await stat(folder.database)).size - pageSize);
    const store = await folder.open();
    expect(await store.publicSince(named(0))).toBe(0);
    expect(await store.guardedUpstreams()).toEqual(['docker.io']);
    expect(folder.messages(40).some((message) => String(message).includes('account'))).toBe(isTold);
  });

  it('does not believe a time at which a repository was public: it may be private since', async () => {
    await using folder = await DataFolder.create();
    await fill(folder);
    const spoiled = new Database(folder.database);
    spoiled.exec('UPDATE repository SET public_at = public_at + (1 << 50)');
    spoiled.close();
    await copyFile(folder.database, folder.join('metadata.backup.sqlite'));
    await rm(folder.database);
    const store = await folder.open();
    expect(await store.publicSince(named(0))).toBe(0);
    expect(await store.publicSince(named(1))).toBeUndefined();
  });

  it('keeps the size that a damaged file had, so that whoever opens it notices', async () => {
    await using folder = await DataFolder.create();
    await fill(folder);
    await copyFile(folder.database, folder.join('metadata.backup.sqlite'));
    const { digest, size } = first().config;
    await folder.content.remove(digest);
    const hex = digest.slice('sha256:'.length);
    await writeFile(folder.join('blobs', 'sha256', hex.slice(0, 2), hex), 'short');
    await rm(folder.database);
    const store = await folder.open();
    await blobsFound(folder);
    expect(await store.blob(digest)).toBe(size);
  });

  it('believes no manifest whose bytes are others, and no tag that leads to it', async () => {
    await using folder = await DataFolder.create();
    await fill(folder);
    const forged = new Database(folder.database);
    forged.prepare('UPDATE manifest SET bytes = ? WHERE digest = ?').run(Buffer.from('{}'), first().digest);
    forged.prepare(`UPDATE tag SET name = 'no tag' WHERE name = 'v1'`).run();
    forged.close();
    await copyFile(folder.database, folder.join('metadata.backup.sqlite'));
    await rm(folder.database);
    const store = await folder.open();
    expect(await rightTags(store)).toBe(images.length - 2);
    expect(await store.anyManifest(first().digest)).toBeUndefined();
    expect(await store.tag(named(0), tagOf(0))).toBeUndefined();
    expect((await store.tags(named(1))).includes(tagNamed('v7'))).toBe(true);
  });

  it('keeps the two newest of the damaged ones', async () => {
    await using folder = await DataFolder.create();
    await fill(folder);
    const times: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      await folder.clock.advance(1000);
      times.push(new Date(folder.clock.now()).toISOString().replaceAll(/[-:]|\.\d+/g, ''));
      await writeFile(folder.database, noise(9000, `not a database ${round}`));
      await folder.open();
      await blobsFound(folder);
      await folder.close();
      folder.log.lines.length = 0;
    }
    expect(await folder.damaged()).toEqual(times.slice(-2).map((time) => `metadata.sqlite.damaged-${time}`));
  });
});

describe('a database that is not damaged', () => {
  it('is new without a word where there is nothing', async () => {
    await using folder = await DataFolder.create();
    const store = await folder.open();
    await store.check();
    expect(folder.messages()).toEqual([]);
  });

  it('is refused and left alone when a newer version wrote it', async () => {
    await using folder = await DataFolder.create();
    await fill(folder);
    const newer = new Database(folder.database);
    newer.pragma('user_version = 1000');
    newer.close();
    await expect(folder.open()).rejects.toMatchObject({ name: 'StoreError', code: 'NEWER_SCHEMA' });
    expect(await folder.damaged()).toEqual([]);
    expect(folder.messages()).toEqual([]);
  });

  it('is not rebuilt because somebody has it locked', async () => {
    await using folder = await DataFolder.create();
    await fill(folder);
    const store = await folder.open();
    const holder = new Database(folder.database);
    holder.exec('BEGIN EXCLUSIVE');
    await expect(store.check()).rejects.toMatchObject({ code: 'LOCKED' });
    holder.exec('ROLLBACK');
    holder.close();
    expect(await rightTags(store)).toBe(images.length);
    expect(await folder.damaged()).toEqual([]);
    expect(folder.messages()).toEqual([]);
  });

  it('is not rebuilt because its log is missing: it is as it was at the last checkpoint', async () => {
    await using folder = await DataFolder.create();
    await fill(folder);
    await using crashed = await DataFolder.create();
    const store = await folder.open();
    await store.putBlob(digestOf(Buffer.from('since')), 5);
    await copyFile(folder.database, crashed.database);
    const later = await crashed.open();
    expect(await rightTags(later)).toBe(images.length);
    expect(await later.blob(digestOf(Buffer.from('since')))).toBeUndefined();
    expect(await crashed.damaged()).toEqual([]);
  });
});
