import { stat, statfs, truncate } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FilesystemContentStore } from '../../../src/store/filesystem/content-store.ts';
import { Layout } from '../../../src/store/filesystem/layout.ts';
import { reserveBytes } from '../../../src/store/filesystem/reserve.ts';
import { unlessMissing } from '../../../src/store/file-error.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { diskError, FailingDisk, fileHandleMethods } from './failing-disk.ts';

let folder: TempFolder;
let disk: FailingDisk;
let store: FilesystemContentStore;

beforeEach(async () => {
  folder = await TempFolder.create();
  disk = new FailingDisk();
  store = await FilesystemContentStore.open(folder.path, { files: disk.files });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await folder.remove();
});

/** Bytes of the reserve's file, as the disk has them; 0 without one. */
async function kept(): Promise<number> {
  return (await unlessMissing(stat(new Layout(folder.path).reserve)))?.size ?? 0;
}

/** From now on the disk says that it has so many bytes left. */
async function leave(bytes: number): Promise<void> {
  const told = Object.assign(await statfs(folder.path), { bsize: 1, bavail: bytes });
  vi.spyOn(disk.files, 'statfs').mockResolvedValue(told);
}

describe('the reserve of a data folder', () => {
  it('is kept once, and given up once', async () => {
    expect(await store.keepReserve()).toBe(true);
    expect(await store.keepReserve()).toBe(true);
    expect(await kept()).toBe(reserveBytes);

    expect(await store.spendReserve()).toBe(true);
    expect(await store.spendReserve()).toBe(false);
    expect(await kept()).toBe(0);
  });

  it('is made whole again after a crash has left a part of it', async () => {
    await store.keepReserve();
    await truncate(new Layout(folder.path).reserve, 1000);

    expect(await store.keepReserve()).toBe(true);

    expect(await kept()).toBe(reserveBytes);
  });

  it('is no free room, not even while it is given up', async () => {
    await leave(3 * reserveBytes);
    await store.keepReserve();
    const { free } = await store.room();
    await store.spendReserve();

    expect(free).toBe(3 * reserveBytes);
    expect((await store.room()).free).toBe(2 * reserveBytes);
  });

  it('is not made on a disk that has no room for it', async () => {
    await leave(reserveBytes - 1);

    expect(await store.keepReserve()).toBe(false);

    expect(await kept()).toBe(0);
    expect((await store.room()).free).toBe(0);
  });

  it('leaves nothing behind where the room turns out not to be there for this user', async () => {
    vi.spyOn(await fileHandleMethods(), 'writeFile').mockRejectedValue(diskError('EDQUOT'));

    expect(await store.keepReserve()).toBe(false);

    await expect(stat(new Layout(folder.path).reserve)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('that cannot be made for another reason is an error of the store', async () => {
    disk.fail('open', 'EROFS', /reserve$/u);

    await expect(store.keepReserve()).rejects.toMatchObject({ name: 'StoreError', code: 'NOT_WRITABLE' });
  });
});
