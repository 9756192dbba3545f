import { describe } from 'vitest';
import { FilesystemContentStore } from '../../src/store/filesystem/content-store.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { contentStoreContract } from './content-store.ts';

describe('FilesystemContentStore', () => {
  contentStoreContract(async () => {
    const folder = await TempFolder.create();
    return {
      store: await FilesystemContentStore.open(folder.path),
      reopen: () => FilesystemContentStore.open(folder.path),
      [Symbol.asyncDispose]: () => folder.remove(),
    };
  });
});
