import { mkdir, readFile, readdir, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import type { Ingest } from '../../../src/store/content-store.ts';
import { FilesystemContentStore } from '../../../src/store/filesystem/content-store.ts';
import { Layout } from '../../../src/store/filesystem/layout.ts';
import { Child } from '../../support/child.ts';
import { noise } from '../../support/image.ts';
import { blobBytes } from '../../support/stored-blob.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { diskError, FailingDisk, fileHandleMethods } from './failing-disk.ts';

const bytes = noise(200_000, 'faults');
const digest = digestOf(bytes);

let folder: TempFolder;
let layout: Layout;
let disk: FailingDisk;
let store: FilesystemContentStore;

beforeEach(async () => {
  folder = await TempFolder.create();
  layout = new Layout(folder.path);
  disk = new FailingDisk();
  store = await FilesystemContentStore.open(folder.path, { files: disk.files });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await store.close();
  await folder.remove();
});

async function filled(): Promise<Ingest> {
  const ingest = await store.ingest(digest);
  await ingest.write([bytes.subarray(ingest.offset)]);
  return ingest;
}

async function put(): Promise<void> {
  const ingest = await filled();
  await ingest.commit();
  await ingest.close();
}

describe('a rename that fails at commit', () => {
  it.each([
    ['EIO', 'IO'],
    ['ENOSPC', 'NO_SPACE'],
    ['EDQUOT', 'NO_SPACE'],
    ['EROFS', 'NOT_WRITABLE'],
  ])('(%s) is %s, and loses no byte: the same ingest can try again', async (errno, code) => {
    const ingest = await filled();
    disk.fail('rename', errno);
    await expect(ingest.commit()).rejects.toMatchObject({ name: 'StoreError', code });
    expect(await store.size(digest)).toBeUndefined();
    disk.mend();
    await ingest.commit();
    await ingest.close();
    expect(await blobBytes(store, digest)).toEqual(bytes);
  });

  it('leaves a partial blob that the next ingest commits without a byte from upstream', async () => {
    const ingest = await filled();
    disk.fail('rename', 'EIO', /partial$/u);
    await expect(ingest.commit()).rejects.toMatchObject({ code: 'IO' });
    await ingest.close();
    disk.mend();
    const next = await store.ingest(digest);
    expect(next.offset).toBe(bytes.length);
    await next.commit();
    await next.close();
    expect(await blobBytes(store, digest)).toEqual(bytes);
  });
});

describe('a flush that fails', () => {
  it('is what is told, also where the bytes cannot be removed either', async () => {
    const ingest = await filled();
    vi.spyOn(await fileHandleMethods(), 'sync').mockRejectedValueOnce(diskError('EIO'));
    disk.fail('unlink', 'EROFS');
    await expect(ingest.commit()).rejects.toMatchObject({ code: 'IO', cause: { code: 'EIO' } });
    expect(await store.size(digest)).toBeUndefined();
    await expect(ingest.commit()).rejects.toMatchObject({ code: 'IO' });
    await ingest.close();
  });
});

describe('a quota that is used up', () => {
  it('in the middle of a write keeps what was written before', async () => {
    const ingest = await store.ingest(digest);
    await ingest.write([bytes.subarray(0, 1000)]);
    vi.spyOn(await fileHandleMethods(), 'writev').mockRejectedValueOnce(diskError('EDQUOT'));
    await expect(ingest.write([bytes.subarray(1000)])).rejects.toMatchObject({ code: 'NO_SPACE' });
    await ingest.close();
    expect(await Array.fromAsync(store.listPartial())).toMatchObject([{ digest, size: 1000 }]);
    await put();
  });
});

describe('a file that cannot be made', () => {
  it.each([
    ['ENOSPC', 'NO_SPACE'],
    ['EDQUOT', 'NO_SPACE'],
    ['EROFS', 'NOT_WRITABLE'],
    ['EMFILE', 'IO'],
  ])('(%s) fails the ingest with %s, and the digest is free for the next', async (errno, code) => {
    disk.fail('open', errno, /partial$/u);
    await expect(store.ingest(digest)).rejects.toMatchObject({ name: 'StoreError', code });
    disk.mend();
    await put();
    expect(await blobBytes(store, digest)).toEqual(bytes);
  });

  it('fails a restart, which can be tried again', async () => {
    const ingest = await filled();
    disk.fail('open', 'ENOSPC', /partial$/u);
    await expect(ingest.restart()).rejects.toMatchObject({ code: 'NO_SPACE' });
    expect(ingest.offset).toBe(0);
    await expect(ingest.write([bytes])).rejects.toMatchObject({ code: 'NO_SPACE' });
    disk.mend();
    await ingest.restart();
    await ingest.write([bytes]);
    await ingest.commit();
    await ingest.close();
    expect(await blobBytes(store, digest)).toEqual(bytes);
  });
});

describe('a process with too many open files', () => {
  it('is told so by each operation, and goes on when there are fewer', async () => {
    await put();
    const script = fileURLToPath(new URL('too-many-files.ts', import.meta.url));
    await using child = new Child('sh', [
      '-c',
      'ulimit -n 64 && exec "$0" "$@"',
      process.execPath,
      script,
      folder.path,
      digest,
    ]);
    expect(await child.exited(20_000)).toEqual({ code: 0, signal: null });
    expect(JSON.parse(child.stdout)).toEqual({
      crowded: ['open: IO EMFILE', 'ingest: IO EMFILE', 'check: IO EMFILE', 'verify: IO'],
      after: ['intact', bytes.length],
    });
  });
});

describe('a removal that takes long', () => {
  const makers: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['an ingest', put],
    ['an adoption', async () => store.adopt(digest, folder.join('source'))],
  ];

  it.each(makers)('is waited for by %s, so that it takes no new file along', async (_name, make) => {
    await put();
    await writeFile(folder.join('source'), bytes);
    const release = disk.holdUnlinks();
    const removing = store.remove(digest);
    let made = false;
    const making = make().then(() => (made = true));
    for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(made).toBe(false);
    expect(await readFile(layout.blob(digest))).toEqual(bytes);
    release();
    expect(await removing).toBe(true);
    await making;
    expect(await blobBytes(store, digest)).toEqual(bytes);
  });

  it('of a partial blob is waited for, too', async () => {
    const ingest = await filled();
    await ingest.close();
    const release = disk.holdUnlinks();
    const removing = store.removePartial(digest);
    const opening = store.ingest(digest);
    for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    release();
    expect(await removing).toBe(true);
    const next = await opening;
    expect(next.offset).toBe(0);
    await next.close();
  });
});

describe('a removal that fails', () => {
  it('says so, and the blob is there again', async () => {
    await put();
    disk.fail('unlink', 'EIO');
    const removing = store.remove(digest);
    expect(await store.size(digest)).toBeUndefined();
    await expect(removing).rejects.toMatchObject({ name: 'StoreError', code: 'IO' });
    expect(await store.size(digest)).toBe(bytes.length);
    disk.mend();
    expect(await store.remove(digest)).toBe(true);
  });

  it('does not keep an ingest waiting for ever', async () => {
    await put();
    disk.fail('unlink', 'EROFS');
    const [removed, ingested] = await Promise.allSettled([store.remove(digest), store.ingest(digest)]);
    expect(removed).toMatchObject({ status: 'rejected', reason: { code: 'NOT_WRITABLE' } });
    if (ingested.status === 'rejected') throw ingested.reason;
    expect(ingested.value.matches()).toBe(true);
    await ingested.value.commit();
    await ingested.value.close();
  });

  it('of a partial or of a quarantined blob says so', async () => {
    const ingest = await filled();
    await ingest.close();
    disk.fail('unlink', 'EROFS');
    await expect(store.removePartial(digest)).rejects.toMatchObject({ code: 'NOT_WRITABLE' });
    await expect(store.removePartials(Infinity)).rejects.toMatchObject({ code: 'NOT_WRITABLE' });
    disk.mend();
    await put();
    disk.fail('rename', 'EROFS');
    await expect(store.quarantine(digest)).rejects.toMatchObject({ code: 'NOT_WRITABLE' });
    disk.mend();
    await store.quarantine(digest);
    disk.fail('unlink', 'EROFS');
    await expect(store.removeQuarantined(Infinity)).rejects.toMatchObject({ code: 'NOT_WRITABLE' });
  });
});

describe('a blob whose file may not be read', () => {
  it('is an error, and not an absence', async () => {
    await put();
    disk.fail('open', 'EACCES');
    await expect(store.open(digest)).rejects.toMatchObject({ name: 'StoreError', code: 'IO' });
  });
});

describe('a file that changes while it is served', () => {
  async function serving(
    change: (path: string) => Promise<void>,
  ): Promise<(position: number) => Promise<number>> {
    await put();
    const reader = await store.open(digest);
    if (reader === undefined) throw new Error('there is no blob');
    await change(layout.blob(digest));
    const buffer = Buffer.alloc(2 * bytes.length);
    return async (position) => {
      try {
        return await reader.read(buffer, buffer.length, position);
      } finally {
        await reader.close();
      }
    };
  }

  it.each([
    ['emptied', async (path: string) => truncate(path, 0), 0],
    ['cut short', async (path: string) => truncate(path, 1000), 1000],
  ])('because it is %s fails the read, and does not look like the end', async (_how, change, position) => {
    const read = await serving(change);
    await expect(read(position)).rejects.toMatchObject({ name: 'StoreError', code: 'IO' });
    expect(await store.verify(digest)).toBe('damaged');
  });

  it('because it grows gives no more than the blob', async () => {
    const read = await serving(async (path) => writeFile(path, 'more', { flag: 'a' }));
    expect(await read(0)).toBe(bytes.length);
    expect(await store.verify(digest)).toBe('damaged');
  });

  it('because it is removed behind the back of the store is read to its end', async () => {
    const read = await serving(unlink);
    expect(await read(0)).toBe(bytes.length);
    expect(await store.open(digest)).toBeUndefined();
    expect(await store.verify(digest)).toBe('missing');
  });
});

describe('the check', () => {
  it.each([
    ['open', 'ENOSPC', 'NO_SPACE'],
    ['open', 'EROFS', 'NOT_WRITABLE'],
    ['rename', 'EIO', 'IO'],
    ['unlink', 'EIO', 'IO'],
  ] as const)('fails when %s does (%s)', async (operation, errno, code) => {
    disk.fail(operation, errno);
    await expect(store.check()).rejects.toMatchObject({ name: 'StoreError', code });
    disk.mend();
    await store.check();
    expect(await readdir(layout.ingest)).toEqual([]);
    expect(await readdir(layout.blobs)).toEqual([]);
  });

  it.each(['write', 'sync'] as const)('fails when a file cannot be written durably (%s)', async (method) => {
    vi.spyOn(await fileHandleMethods(), method === 'sync' ? 'sync' : 'writeFile').mockRejectedValueOnce(
      diskError('ENOSPC'),
    );
    await expect(store.check()).rejects.toMatchObject({ code: 'NO_SPACE' });
    expect(await readdir(layout.ingest)).toEqual([]);
  });

  it('makes the folders again when they have vanished', async () => {
    await rm(layout.blobs, { recursive: true });
    await rm(layout.ingest, { recursive: true });
    await store.check();
    await put();
    expect(await store.verify(digest)).toBe('intact');
  });
});

describe('what a crash left', () => {
  it('of things that cannot be resumed is removed at the next start; the rest is kept', async () => {
    const ingest = await filled();
    await ingest.close();
    await mkdir(layout.blobs, { recursive: true });
    await writeFile(`${layout.ingest}/write-check`, 'left');
    await writeFile(`${layout.blobs}/write-check`, 'left');
    await writeFile(layout.adopted(digest), 'left');
    await writeFile(`${layout.ingest}/README`, 'not ours');
    await FilesystemContentStore.open(folder.path);
    expect(await readdir(layout.blobs)).toEqual([]);
    expect((await readdir(layout.ingest)).sort()).toEqual(['README', `sha256-${digest.slice(7)}.partial`]);
    expect(await readFile(layout.partial(digest))).toEqual(bytes);
  });
});

describe('room', () => {
  it('that cannot be told is an error of the store', async () => {
    disk.fail('statfs', 'EIO');
    await expect(store.room()).rejects.toMatchObject({ name: 'StoreError', code: 'IO' });
  });
});
