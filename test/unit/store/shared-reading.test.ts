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
