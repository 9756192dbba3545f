import { link, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { FilesystemContentStore } from '../../../src/store/filesystem/content-store.ts';
import { Layout } from '../../../src/store/filesystem/layout.ts';
import { noise } from '../../support/image.ts';
import { readAll } from '../../support/stored-blob.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { diskError, fileHandleMethods } from './failing-disk.ts';

const bytes = noise(200_000, 'filesystem');
const digest = digestOf(bytes);

async function fillIn(store: FilesystemContentStore): Promise<void> {
  const ingest = await store.ingest(digest);
  await ingest.write([bytes.subarray(ingest.offset)]);
  await ingest.commit();
  await ingest.close();
}

afterEach(() => {
  vi.restoreAllMocks();
});

it('does no I/O when constructed, and makes its folders when it first writes', async () => {
  await using folder = await TempFolder.create();
  const store = new FilesystemContentStore(folder.join('new', 'root'));
  expect(await readdir(folder.path)).toEqual([]);
  expect(await store.size(digest)).toBeUndefined();
  expect(await readdir(folder.path)).toEqual([]);
  await fillIn(store);
  expect(await readFile(new Layout(folder.join('new', 'root')).blob(digest))).toEqual(bytes);
});

it('says in open that a root cannot be a folder', async () => {
  await using folder = await TempFolder.create();
  await writeFile(folder.join('file'), '');
  await expect(FilesystemContentStore.open(folder.join('file'))).rejects.toMatchObject({
    name: 'StoreError',
  });
  await expect(FilesystemContentStore.open('/proc/entrepot')).rejects.toMatchObject({ name: 'StoreError' });
});

it('makes its folders again when they vanish', async () => {
  await using folder = await TempFolder.create();
  const store = await FilesystemContentStore.open(folder.path);
  await rm(folder.join('ingest'), { recursive: true });
  const ingest = await store.ingest(digest);
  await ingest.write([bytes]);
  await rm(folder.join('blobs'), { recursive: true });
  await ingest.commit();
  await ingest.close();
  expect(await readFile(new Layout(folder.path).blob(digest))).toEqual(bytes);
});

it('lists nothing but blobs in their own place', async () => {
  await using folder = await TempFolder.create();
  const store = await FilesystemContentStore.open(folder.path);
  const hex = digest.slice(7);
  await mkdir(folder.join('blobs', 'sha256', 'zz'), { recursive: true });
  await writeFile(folder.join('blobs', 'sha256', 'zz', hex), bytes);
  await writeFile(folder.join('blobs', 'sha256', 'README'), 'not ours');
  await writeFile(folder.join('ingest', 'README'), 'not ours');
  expect(await Array.fromAsync(store.list())).toEqual([]);
  expect(await Array.fromAsync(store.listPartial())).toEqual([]);
  expect(await store.removePartials(Infinity)).toBe(0);
});

it('flushes the file before it is renamed, and the folders after', async () => {
  await using folder = await TempFolder.create();
  const methods = await fileHandleMethods();
  const store = await FilesystemContentStore.open(folder.path);
  const seen: boolean[] = [];
  const sync = vi.spyOn(methods, 'sync').mockImplementation(async () => {
    seen.push((await store.size(digest)) !== undefined);
  });
  await fillIn(store);
  // The file; the shard's two new parents; after the rename, the shard.
  expect(seen).toEqual([false, false, false, true]);
  expect(sync).toHaveBeenCalledTimes(4);
});

it('keeps nothing when a flush fails: those bytes may not be on disk', async () => {
  await using folder = await TempFolder.create();
  const methods = await fileHandleMethods();
  const store = await FilesystemContentStore.open(folder.path);
  await fillIn(store);
  for (const failing of [1, 2]) {
    // The shard exists by now, so a commit flushes the file and the shard.
    const ingest = await store.ingest(digest);
    await ingest.write([bytes.subarray(ingest.offset)]);
    const sync = vi.spyOn(methods, 'sync');
    if (failing === 2) sync.mockResolvedValueOnce();
    sync.mockRejectedValueOnce(diskError('EIO'));
    await expect(ingest.commit()).rejects.toMatchObject({ code: 'IO' });
    sync.mockRestore();
    await ingest.close();
    expect(await store.size(digest)).toBeUndefined();
    expect(await Array.fromAsync(store.listPartial())).toEqual([]);
  }
});

it('takes no more bytes after a failed write, and resumes from what it had', async () => {
  await using folder = await TempFolder.create();
  const methods = await fileHandleMethods();
  const store = await FilesystemContentStore.open(folder.path);
  const ingest = await store.ingest(digest);
  await ingest.write([bytes.subarray(0, 1000)]);
  vi.spyOn(methods, 'writev')
    .mockImplementationOnce(async function shortWrite(this: typeof methods, buffers, position) {
      const { bytesWritten } = await this.write(bytes, 1000, 500, position);
      return { bytesWritten, buffers };
    })
    .mockRejectedValueOnce(diskError('ENOSPC'));
  await expect(ingest.write([bytes.subarray(1000, 5000)])).rejects.toMatchObject({ code: 'NO_SPACE' });
  vi.restoreAllMocks();
  expect(ingest.offset).toBe(1000);
  expect(ingest.matches()).toBe(false);
  await expect(ingest.write([bytes.subarray(1000)])).rejects.toMatchObject({ code: 'NO_SPACE' });
  await expect(ingest.commit()).rejects.toMatchObject({ code: 'NO_SPACE' });
  expect(await ingest.reader().read(Buffer.alloc(2000), 2000, 0)).toBe(1000);
  await ingest.close();
  const next = await store.ingest(digest);
  expect(next.offset).toBe(1000);
  await next.close();
  await fillIn(store);
  expect(await readFile(new Layout(folder.path).blob(digest))).toEqual(bytes);
});

it('can start again in place after a failed write', async () => {
  await using folder = await TempFolder.create();
  const methods = await fileHandleMethods();
  const store = await FilesystemContentStore.open(folder.path);
  const ingest = await store.ingest(digest);
  vi.spyOn(methods, 'writev').mockRejectedValueOnce(diskError('EIO'));
  await expect(ingest.write([bytes])).rejects.toMatchObject({ code: 'IO' });
  await ingest.restart();
  await ingest.write([bytes]);
  await ingest.commit();
  await ingest.close();
  expect(await readFile(new Layout(folder.path).blob(digest))).toEqual(bytes);
});

it('is free for another ingest when one could not be started', async () => {
  await using folder = await TempFolder.create();
  const store = await FilesystemContentStore.open(folder.path);
  const partial = new Layout(folder.path).partial(digest);
  await mkdir(partial);
  await expect(store.ingest(digest)).rejects.toMatchObject({ name: 'StoreError', code: 'IO' });
  await rm(partial, { recursive: true });
  await fillIn(store);
});

it.each([
  ['corrupt', noise(bytes.length, 'corrupt')],
  ['cut short', bytes.subarray(0, -1)],
  ['too long', Buffer.concat([bytes, bytes])],
])('takes up no blob that is %s: the ingest starts from nothing', async (_how, damaged) => {
  await using folder = await TempFolder.create();
  const store = await FilesystemContentStore.open(folder.path);
  const path = new Layout(folder.path).blob(digest);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, damaged);
  const ingest = await store.ingest(digest);
  expect(ingest.offset).toBe(0);
  await ingest.write([bytes]);
  await ingest.commit();
  await ingest.close();
  expect(await readFile(path)).toEqual(bytes);
});

it('takes no byte from whoever reads a blob that is written anew', async () => {
  await using folder = await TempFolder.create();
  const store = await FilesystemContentStore.open(folder.path);
  await fillIn(store);
  const reader = await store.open(digest);
  const ingest = await store.ingest(digest);
  await ingest.restart();
  await ingest.write([noise(1000, 'other')]);
  expect(reader && (await readAll(reader))).toEqual(bytes);
  await reader?.close();
  await ingest.discard();
  await ingest.close();
});

describe('a file with another name elsewhere', () => {
  it('is committed again without being written to', async () => {
    await using folder = await TempFolder.create();
    const store = await FilesystemContentStore.open(folder.path);
    await fillIn(store);
    const elsewhere = folder.join('elsewhere');
    await link(new Layout(folder.path).blob(digest), elsewhere);
    const { mtimeMs } = await stat(elsewhere);
    const ingest = await store.ingest(digest);
    expect(ingest.offset).toBe(bytes.length);
    await ingest.write([Buffer.alloc(0)]);
    await ingest.commit();
    await ingest.close();
    expect(await stat(elsewhere)).toMatchObject({ mtimeMs, nlink: 2 });
  });

  it('is neither cut nor written to, whatever the ingest does', async () => {
    await using folder = await TempFolder.create();
    const store = await FilesystemContentStore.open(folder.path);
    await fillIn(store);
    const elsewhere = folder.join('elsewhere');
    await link(new Layout(folder.path).blob(digest), elsewhere);
    const ingest = await store.ingest(digest);
    await expect(ingest.write([Buffer.from('more')])).rejects.toMatchObject({ code: 'IO' });
    expect(ingest.matches()).toBe(false);
    await expect(ingest.commit()).rejects.toMatchObject({ code: 'IO' });
    await ingest.restart();
    expect(ingest.offset).toBe(0);
    await ingest.write([noise(500_000, 'other')]);
    await expect(ingest.commit()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await ingest.close();
    expect(await readFile(elsewhere)).toEqual(bytes);
  });

  it('is not continued when it is partial', async () => {
    await using folder = await TempFolder.create();
    const store = await FilesystemContentStore.open(folder.path);
    const elsewhere = folder.join('elsewhere');
    await writeFile(elsewhere, bytes.subarray(0, 1000));
    await link(elsewhere, new Layout(folder.path).partial(digest));
    const ingest = await store.ingest(digest);
    expect(ingest.offset).toBe(0);
    await ingest.write([bytes]);
    await ingest.commit();
    await ingest.close();
    expect(await readFile(elsewhere)).toEqual(bytes.subarray(0, 1000));
    expect(await readFile(new Layout(folder.path).blob(digest))).toEqual(bytes);
  });
});

it('leaves the event loop free while it hashes what was there', async () => {
  await using folder = await TempFolder.create();
  const store = await FilesystemContentStore.open(folder.path);
  await writeFile(new Layout(folder.path).partial(digest), Buffer.alloc(16 * 1024 * 1024));
  let turns = 0;
  const counting = setInterval(() => (turns += 1), 0);
  const ingest = await store.ingest(digest);
  clearInterval(counting);
  expect(ingest.offset).toBe(16 * 1024 * 1024);
  expect(turns).toBeGreaterThan(4);
  await ingest.discard();
  await ingest.close();
});
