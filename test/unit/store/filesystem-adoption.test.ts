import { execFileSync } from 'node:child_process';
import promises, {
  chmod,
  chown,
  link,
  mkdir,
  readFile,
  readdir,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { FilesystemContentStore } from '../../../src/store/filesystem/content-store.ts';
import { Layout } from '../../../src/store/filesystem/layout.ts';
import { noise } from '../../support/image.ts';
import { blobBytes } from '../../support/stored-blob.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { diskError, FailingDisk, fileHandleMethods } from './failing-disk.ts';

const bytes = noise(200_000, 'adoption');
const digest = digestOf(bytes);

let folder: TempFolder;
let layout: Layout;
let source: string;
let disk: FailingDisk;
let store: FilesystemContentStore;

beforeEach(async () => {
  folder = await TempFolder.create();
  layout = new Layout(folder.join('data'));
  source = folder.join('source');
  await writeFile(source, bytes);
  disk = new FailingDisk();
  store = await FilesystemContentStore.open(layout.root, { files: disk.files });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await store.close();
  await folder.remove();
});

async function nothingIsLeft(): Promise<void> {
  expect(await Array.fromAsync(store.list())).toEqual([]);
  expect(await readdir(layout.ingest)).toEqual([]);
  expect(await readFile(source)).toEqual(bytes);
}

describe('an adopted file', () => {
  it('becomes a blob by a link, which costs no room', async () => {
    expect(await store.adopt(digest, source)).toBe(bytes.length);
    expect(await blobBytes(store, digest)).toEqual(bytes);
    expect((await stat(layout.blob(digest))).ino).toBe((await stat(source)).ino);
    await store.recorded(digest);
    expect(await readdir(layout.ingest)).toEqual([]);
  });

  it.each(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'])(
    'is copied where no link can be made (%s)',
    async (errno) => {
      disk.fail('link', errno);
      expect(await store.adopt(digest, source)).toBe(bytes.length);
      expect(await blobBytes(store, digest)).toEqual(bytes);
      expect((await stat(layout.blob(digest))).ino).not.toBe((await stat(source)).ino);
      await store.recorded(digest);
      expect(await readdir(layout.ingest)).toEqual([]);
    },
  );

  describe.each([
    ['is open for everybody to write to', false, () => chmod(source, 0o666)],
    ['belongs to somebody else', true, () => chown(source, 1000, 1000)],
  ] as const)('that %s', (_, needsRoot, open) => {
    it.runIf(!needsRoot || process.geteuid?.() === 0)(
      'is copied, so that only we can change the blob',
      async () => {
        await open();
        expect(await store.adopt(digest, source)).toBe(bytes.length);
        await writeFile(source, 'other bytes');
        expect(await blobBytes(store, digest)).toEqual(bytes);
        const { uid, mode } = await stat(layout.blob(digest));
        expect([uid, mode & 0o777]).toEqual([process.geteuid?.(), 0o644]);
      },
    );
  });

  it('stays what it is, whatever is done to the blob', async () => {
    await store.adopt(digest, source);
    const { mtimeMs } = await stat(source);
    const ingest = await store.ingest(digest);
    await ingest.restart();
    await ingest.write([noise(1000, 'other')]);
    await ingest.discard();
    await ingest.close();
    await store.adopt(digest, source);
    await store.quarantine(digest);
    await store.removeQuarantined(Infinity);
    await store.adopt(digest, source);
    await store.remove(digest);
    await store.recorded(digest);
    expect(await stat(source)).toMatchObject({ mtimeMs, nlink: 1 });
    await nothingIsLeft();
  });

  it('is flushed before it becomes a blob, and its folder after that', async () => {
    const seen: boolean[] = [];
    vi.spyOn(await fileHandleMethods(), 'sync').mockImplementation(async () => {
      seen.push((await store.size(digest)) !== undefined);
    });
    await store.adopt(digest, source);
    // The file; the shard's two new parents; the shard.
    expect(seen).toEqual([false, false, false, true]);
  });

  it('is verified: other bytes are refused, linked or copied', async () => {
    await writeFile(source, noise(200_000, 'other'));
    await expect(store.adopt(digest, source)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    disk.fail('link', 'EXDEV');
    await expect(store.adopt(digest, source)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await writeFile(source, bytes);
    await nothingIsLeft();
  });

  it('takes the place of a damaged blob, and leaves an intact one', async () => {
    await store.adopt(digest, source);
    const other = folder.join('other');
    await writeFile(other, bytes);
    await store.adopt(digest, other);
    expect((await stat(layout.blob(digest))).ino).toBe((await stat(source)).ino);
    await writeFile(source, 'damaged');
    await store.adopt(digest, other);
    expect(await store.verify(digest)).toBe('intact');
    expect(await readFile(source, 'utf8')).toBe('damaged');
  });

  it('must be a regular file', async () => {
    await mkdir(folder.join('directory'));
    await symlink('source', folder.join('symlink'));
    execFileSync('mkfifo', [folder.join('pipe')]);
    for (const name of ['directory', 'symlink', 'pipe']) {
      await expect(store.adopt(digest, folder.join(name))).rejects.toMatchObject({
        name: 'StoreError',
        message: 'only a regular file can be adopted',
      });
    }
    await nothingIsLeft();
  });

  it('that is exchanged for a symbolic link in the last moment is refused', async () => {
    const sly = folder.join('sly');
    await symlink('source', sly);
    const trap = new FilesystemContentStore(layout.root, {
      files: { ...promises, link: async (_from, to) => link(sly, to) },
    });
    await expect(trap.adopt(digest, source)).rejects.toMatchObject({
      message: 'only a regular file can be adopted',
    });
    await trap.close();
    await nothingIsLeft();
  });

  it('that is not there is an error', async () => {
    await expect(store.adopt(digest, folder.join('nothing'))).rejects.toMatchObject({ name: 'StoreError' });
    await nothingIsLeft();
  });
});

describe('an adoption', () => {
  it('and an ingest of the same digest keep out of each other, and a removal waits for neither', async () => {
    const adopting = store.adopt(digest, source);
    await expect(store.ingest(digest)).rejects.toMatchObject({ code: 'INGEST_BUSY' });
    expect(await Promise.all([store.remove(digest), store.quarantine(digest)])).toEqual([false, false]);
    await adopting;
    const ingest = await store.ingest(digest);
    await expect(store.adopt(digest, source)).rejects.toMatchObject({ code: 'INGEST_BUSY' });
    await ingest.commit();
    await ingest.close();
    const removing = store.remove(digest);
    expect(await store.adopt(digest, source)).toBe(bytes.length);
    expect(await removing).toBe(true);
    expect(await blobBytes(store, digest)).toEqual(bytes);
  });

  it.each([
    ['copyFile', 'ENOSPC', 'NO_SPACE'],
    ['rename', 'EIO', 'IO'],
    ['open', 'EMFILE', 'IO'],
  ] as const)('that fails in %s (%s) leaves nothing', async (operation, errno, code) => {
    disk.fail('link', 'EXDEV');
    disk.fail(operation, errno);
    await expect(store.adopt(digest, source)).rejects.toMatchObject({ name: 'StoreError', code });
    disk.mend();
    await nothingIsLeft();
    expect(await store.adopt(digest, source)).toBe(bytes.length);
  });

  it('whose flush fails leaves nothing: those bytes may not be on disk', async () => {
    await store.adopt(digest, source);
    const methods = await fileHandleMethods();
    for (const failing of [1, 2]) {
      // The shard exists by now, so that the file and the shard are flushed.
      await store.remove(digest);
      const sync = vi.spyOn(methods, 'sync');
      if (failing === 2) sync.mockResolvedValueOnce();
      sync.mockRejectedValueOnce(diskError('EIO'));
      await expect(store.adopt(digest, source)).rejects.toMatchObject({ code: 'IO' });
      sync.mockRestore();
      await nothingIsLeft();
    }
  });
});
