import { open } from 'node:fs/promises';
import { describe } from 'vitest';
import { FilesystemContentStore } from '../../src/store/filesystem/content-store.ts';
import { Layout } from '../../src/store/filesystem/layout.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { TestClock } from '../support/test-clock.ts';
import { contentStoreContract } from './content-store.ts';

describe('FilesystemContentStore', () => {
  contentStoreContract(async () => {
    const folder = await TempFolder.create();
    const clock = new TestClock();
    const stores: FilesystemContentStore[] = [];
    const reopen = async () => {
      const store = await FilesystemContentStore.open(folder.path, { clock });
      stores.push(store);
      return store;
    };
    return {
      store: await reopen(),
      clock,
      reopen,
      spoil: async (digest) => {
        await using file = await open(new Layout(folder.path).blob(digest), 'r+');
        const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 100);
        buffer.writeUInt8(buffer.readUInt8() ^ 1);
        await file.write(buffer, 0, 1, 100);
      },
      [Symbol.asyncDispose]: async () => {
        await Promise.all(stores.map((store) => store.close()));
        await folder.remove();
      },
    };
  });
});
