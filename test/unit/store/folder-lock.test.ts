import { readdir, stat } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { FolderLock } from '../../../src/store/sqlite/folder-lock.ts';
import { TempFolder } from '../../support/temp-folder.ts';

it('is had by one at a time, in a folder that need not be there before', async () => {
  await using folder = await TempFolder.create();
  const data = folder.join('new', 'data');
  const first = await FolderLock.take(data);
  const refused = {
    name: 'StoreError',
    code: 'IN_USE',
    message: expect.stringContaining(data) as string,
  };
  await expect(FolderLock.take(data)).rejects.toMatchObject(refused);
  await expect(FolderLock.take(data)).rejects.toMatchObject(refused);
  first.release();
  const second = await FolderLock.take(data);
  await expect(FolderLock.take(data)).rejects.toMatchObject(refused);
  second.release();
});

it('takes no room: it is to be had on a disk that is full', async () => {
  await using folder = await TempFolder.create();
  const lock = await FolderLock.take(folder.path);
  const names = await readdir(folder.path);
  const { size } = await stat(folder.join('lock.sqlite'));
  lock.release();
  expect(names).toEqual(['lock.sqlite']);
  expect(size).toBe(0);
});

it('of one folder says nothing of another', async () => {
  await using folder = await TempFolder.create();
  const one = await FolderLock.take(folder.join('a'));
  const other = FolderLock.take(folder.join('b'));
  await expect(other).resolves.toBeInstanceOf(FolderLock);
  one.release();
  (await other).release();
});

it('says so when the folder cannot be written to, and does not blame another process', async () => {
  await expect(FolderLock.take('/proc/entrepot')).rejects.toMatchObject({
    name: 'StoreError',
    code: expect.not.stringMatching(/^(?:IN_USE|LOCKED)$/) as string,
  });
});
