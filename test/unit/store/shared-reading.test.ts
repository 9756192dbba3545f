import { copyFile, rename, truncate } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { FilesystemContentStore } from '../../../src/store/filesystem/content-store.ts';
import { Layout } from '../../../src/store/filesystem/layout.ts';
import { noise } from '../../support/image.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const MiB = 1024 * 1024;
const bytes = noise(5 * MiB, 'shared');
const digest = digestOf(bytes);

async function holding(folder: TempFolder) {
  const store = await FilesystemContentStore.open(folder.path);
  const ingest = await store.ingest(digest);
  await ingest.write([bytes]);
  await ingest.commit();
  await ingest.close();
  const open = async () => {
    const reader = await store.open(digest);
    if (reader === undefined) throw new Error('the blob is not held');
    return reader;
  };
  return { open, file: new Layout(folder.path).blob(digest) };
}

test('two readers of a blob are lent the same memory, to the last byte', async () => {
  await using folder = await TempFolder.create();
  const { open } = await holding(folder);
  const [one, other] = [await open(), await open()];

  const [mine, theirs] = [await one.borrow(5 * MiB, 0), await other.borrow(5 * MiB, 0)];
  const last = await one.borrow(MiB, 4 * MiB);

  expect(mine?.bytes.equals(bytes.subarray(0, mine.bytes.length))).toBe(true);
  expect(theirs?.bytes.buffer).toBe(mine?.bytes.buffer);
  expect(last?.bytes.equals(bytes.subarray(4 * MiB))).toBe(true);
  await Promise.all([one.close(), other.close()]);
});

test('a reader of a file that was put in place of another one gets nothing that was read of that', async () => {
  await using folder = await TempFolder.create();
  const { open, file } = await holding(folder);
  const before = [await open(), await open()];
  expect(await before[0]?.borrow(5 * MiB, 0)).toBeDefined();
  await copyFile(file, `${file}.new`);
  await rename(`${file}.new`, file);

  const after = await open();

  expect(await after.borrow(5 * MiB, 0)).toBeUndefined();
  for (const reader of [...before, after]) await reader.close();
});

test('a file that is cut short under its readers lends nothing more, and the read that follows says why', async () => {
  await using folder = await TempFolder.create();
  const { open, file } = await holding(folder);
  const [one, other] = [await open(), await open()];
  await truncate(file, 3 * MiB);

  expect(await Promise.all([one, other].map((reader) => reader.borrow(MiB, 4 * MiB)))).toEqual([
    undefined,
    undefined,
  ]);
  await expect(one.read(Buffer.alloc(MiB), MiB, 4 * MiB)).rejects.toThrow('shorter on disk');
  await Promise.all([one.close(), other.close()]);
});

/** A blob of which so many bytes are written, and two who follow it. */
async function arriving(folder: TempFolder, written: number) {
  const store = await FilesystemContentStore.open(folder.path);
  const ingest = await store.ingest(digest);
  await ingest.write([bytes.subarray(0, written)]);
  const readers = [ingest.reader(), ingest.reader()] as const;
  const done = async (): Promise<void> => {
    for (const reader of readers) reader.close();
    await ingest.close();
  };
  return { store, ingest, readers, done };
}

test('two readers of a blob that is arriving are lent the same memory', async () => {
  await using folder = await TempFolder.create();
  const { readers, done } = await arriving(folder, 3 * MiB);
  const [one, other] = readers;

  const [mine, theirs] = [await one.borrow(MiB, MiB), await other.borrow(3 * MiB, 0)];

  expect(mine).toBeUndefined();
  expect(theirs?.bytes.equals(bytes.subarray(0, theirs.bytes.length))).toBe(true);
  expect((await one.borrow(MiB, MiB))?.bytes.buffer).toBe(theirs?.bytes.buffer);
  await done();
});

test('a part that is not all there yet is read by each for itself, and lent when it is', async () => {
  await using folder = await TempFolder.create();
  const { ingest, readers, done } = await arriving(folder, 3 * MiB);
  const [one, other] = readers;

  expect(await one.borrow(MiB, 2 * MiB)).toBeUndefined();
  expect(await one.read(Buffer.alloc(MiB), MiB, 2 * MiB)).toBe(MiB);
  await ingest.write([bytes.subarray(3 * MiB)]);
  const whole = await other.borrow(5 * MiB, 2 * MiB);
  expect(whole?.bytes.equals(bytes.subarray(2 * MiB, 4 * MiB))).toBe(true);
  expect(await one.borrow(MiB, 4 * MiB)).toBeUndefined();
  await ingest.commit();
  expect((await one.borrow(5 * MiB, 4 * MiB))?.bytes.equals(bytes.subarray(4 * MiB))).toBe(true);
  await done();
});

test('a blob that begins anew gives its readers nothing of what was there before', async () => {
  await using folder = await TempFolder.create();
  const store = await FilesystemContentStore.open(folder.path);
  const ingest = await store.ingest(digest);
  await ingest.write([Buffer.alloc(3 * MiB, 'wrong')]);
  const before = [ingest.reader(), ingest.reader()] as const;
  expect(await before[0].borrow(MiB, 0)).toBeDefined();
  await ingest.restart();
  await ingest.write([bytes]);

  const [one, other] = [ingest.reader(), ingest.reader()];
  expect((await one.borrow(2 * MiB, 0))?.bytes.equals(bytes.subarray(0, 2 * MiB))).toBe(true);
  expect(await before[0].borrow(2 * MiB, 0)).toBeUndefined();
  for (const reader of [...before, one, other]) reader.close();
  await ingest.close();
});
