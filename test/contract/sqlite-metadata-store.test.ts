import { describe } from 'vitest';
import { SqliteMetadataStore } from '../../src/store/sqlite/metadata-store.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { metadataStoreContract } from './metadata-store.ts';

describe('SqliteMetadataStore', () => {
  metadataStoreContract(async (clock) => {
    const folder = await TempFolder.create();
    const file = folder.join('metadata.db');
    const store = await SqliteMetadataStore.open(file, clock);
    let current = store;
    return {
      store,
      reopen: async () => {
        await current.close();
        current = await SqliteMetadataStore.open(file, clock);
        return current;
      },
      [Symbol.asyncDispose]: async () => {
        await current.close();
        await folder.remove();
      },
    };
  });
});
