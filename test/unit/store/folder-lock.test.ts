import { link, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { expect, it, vi } from 'vitest';
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

it.each([
  ['text', Buffer.from('not a database'.repeat(100))],
  ['zeros', Buffer.alloc(8192)],
  ['one byte', Buffer.from('x')],
  ['half a header', Buffer.from('SQLite format 3\0\x10\0\x01\x01')],
  ['a header with nonsense behind it', Buffer.from(`SQLite format 3\0${'\x7f'.repeat(5000)}`, 'latin1')],
])('that is damaged (%s) is made anew where nobody holds it, and says so once', async (_, bytes) => {
  await using folder = await TempFolder.create();
  const file = folder.join('lock.sqlite');
  await writeFile(file, bytes);
  const logger = { warn: vi.fn() };

  const lock = await FolderLock.take(folder.path, logger);

  await expect(FolderLock.take(folder.path, logger)).rejects.toMatchObject({ code: 'IN_USE' });
  lock.release();
  (await FolderLock.take(folder.path, logger)).release();
  expect(logger.warn.mock.calls.length).toBeLessThanOrEqual(1);
});

it('that is damaged is told of', async () => {
  await using folder = await TempFolder.create();
  const file = folder.join('lock.sqlite');
  await writeFile(file, 'not a database'.repeat(100));
  const logger = { warn: vi.fn() };

  (await FolderLock.take(folder.path, logger)).release();

  expect(logger.warn.mock.calls).toEqual([
    [{ file }, 'the lock file was damaged and no process held it; it was emptied'],
  ]);
  expect((await stat(file)).size).toBe(0);
});

it.each([
  ['a link', symlink],
  ['a second name of a file', link],
])('that is %s is not followed to what others wrote', async (_, make) => {
  await using folder = await TempFolder.create();
  const precious = folder.join('precious');
  await writeFile(precious, 'something that matters'.repeat(100));
  await mkdir(folder.join('data'));
  await make(precious, folder.join('data', 'lock.sqlite'));

  await expect(FolderLock.take(folder.join('data'))).rejects.toMatchObject({
    code: 'CORRUPT',
    message: `${folder.join('data', 'lock.sqlite')} is damaged: remove it while no entrepot runs`,
  });
  expect(await readFile(precious, 'utf8')).toMatch(/^something/u);
});

it('is what is named when it cannot be used', async () => {
  await using folder = await TempFolder.create();
  await mkdir(folder.join('lock.sqlite'));

  await expect(FolderLock.take(folder.path)).rejects.toThrow(
    `the lock file ${folder.join('lock.sqlite')} cannot be used: SQLITE_CANTOPEN`,
  );
});
