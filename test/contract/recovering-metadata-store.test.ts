import { describe } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import { FilesystemContentStore } from '../../src/store/filesystem/content-store.ts';
import { openMetadata } from '../../src/store/sqlite/open-metadata.ts';
import { logLines } from '../support/log-lines.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { metadataStoreContract } from './metadata-store.ts';

describe('a metadata store that recovers', () => {
  metadataStoreContract(async (clock) => {
    const folder = await TempFolder.create();
    const content = await FilesystemContentStore.open(folder.path);
    const open = (at: Clock) =>
      openMetadata({
        root: folder.path,
        content,
        clock: at,
        logger: logLines().logger,
        onTrouble: () => undefined,
      });
    const store = await open(clock);
    let current = store;
    return {
      store,
      reopen: async () => {
        await current.close();
        current = await open(clock);
        return current;
      },
      [Symbol.asyncDispose]: async () => {
        await current.close();
        await content.close();
        await folder.remove();
      },
    };
  });
});
