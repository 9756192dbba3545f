import { readdir, truncate, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { blobsOf, putImage, repositoryNamed, tagNamed } from '../../contract/metadata-store/subject.ts';
import { Child } from '../../support/child.ts';
import { DataFolder } from '../../support/data-folder.ts';
import { eventually } from '../../support/deadline.ts';
import { makeImage } from '../../support/image.ts';

const opener = fileURLToPath(new URL('open-metadata-forever.ts', import.meta.url));
const repository = repositoryNamed('library/app');
const images = Array.from({ length: 30 }, (_, seed) => makeImage({ seed, layers: [100] }));

async function fill(folder: DataFolder): Promise<void> {
  const store = await folder.open();
  for (const [index, image] of images.entries()) {
    await putImage(store, repository, image, `v${index}`);
    const { digest, bytes } = image.config;
    await folder.putFile(digest, bytes);
    await store.putBlob(digest, bytes.length);
  }
  await folder.close();
}

/** Opens the folder in another process, and kills that so many milliseconds after it has said `word`. */
async function killAfter(folder: DataFolder, word: RegExp, ms: number): Promise<void> {
  await using child = new Child(process.execPath, [opener, folder.path]);
  await child.waitFor(word, 20_000);
  await new Promise((resolve) => setTimeout(resolve, ms));
  child.kill('SIGKILL');
  expect((await child.exited()).signal).toBe('SIGKILL');
}

it('rebuilds a database in the end, however often it is killed while it does', async () => {
  await using folder = await DataFolder.create();
  await fill(folder);
  // The last page holds nothing that anybody asks for here.
  await truncate(folder.database, (await stat(folder.database)).size - 4096);
  for (const ms of [0, 30, 60, 90, 120, 180, 240, 320]) await killAfter(folder, /opening/, ms);
  const store = await folder.open();
  await eventually(60_000, 'the blobs on disk', async () => {
    const { blobs } = await store.inventory.counts();
    return blobs === images.length && !(await readdir(folder.path)).includes('metadata.rebuilding');
  });
  for (const [index, image] of images.entries()) {
    expect(await store.tag(repository, tagNamed(`v${index}`))).toMatchObject({ digest: image.digest });
    expect((await store.manifest(repository, image.digest))?.bytes).toEqual(image.bytes);
    const [config] = blobsOf(image);
    expect(await store.blob(config?.digest ?? image.digest)).toBe(config?.size);
  }
  expect(await folder.damaged()).toHaveLength(1);
  expect(await store.audit.errors()).toEqual({ accounts: [], danglingTags: [] });
  expect((await readdir(folder.path)).filter((name) => name.includes('rebuilt'))).toEqual([]);
}, 240_000);

it('leaves a backup that is whole, or none, whenever it is killed', async () => {
  await using folder = await DataFolder.create();
  await fill(folder);
  for (const ms of [0, 40, 80, 120, 160, 200]) {
    await killAfter(folder, /open\n/, ms);
    if (!(await readdir(folder.path)).includes('metadata.backup.sqlite')) continue;
    const backup = new Database(folder.join('metadata.backup.sqlite'), { readonly: true });
    expect(backup.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(backup.prepare('SELECT count(*) FROM manifest').pluck().get()).toBe(images.length);
    backup.close();
  }
  const store = await folder.open();
  expect((await store.inventory.counts()).manifests).toBe(images.length);
  expect(await folder.damaged()).toEqual([]);
}, 240_000);
