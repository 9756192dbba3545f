import { describe, expect, it } from 'vitest';
import { blobBytes } from '../../support/stored-blob.ts';
import { bytes, digest, finish, put, turns, type MakeContentStore } from './subject.ts';

/** What holds while blobs are being removed. */
export function removalContract(make: MakeContentStore): void {
  describe('a removal', () => {
    it('hides the blob from the call on, be it to be removed or to be quarantined', async () => {
      await using subject = await make();
      const { store } = subject;
      for (const how of ['remove', 'quarantine'] as const) {
        await put(store, bytes);
        const removing = store[how](digest);
        const seen = Promise.all([store.size(digest), store.open(digest), store.verify(digest)]);
        expect(await seen).toEqual([undefined, undefined, 'missing']);
        expect(await removing).toBe(true);
      }
    });

    it('is waited for by an ingest, which then starts from nothing, whenever that starts', async () => {
      await using subject = await make();
      const { store } = subject;
      for (let delay = 0; delay < 20; delay += 1) {
        await put(store, bytes);
        const removing = store.remove(digest);
        await turns(delay);
        const ingest = await store.ingest(digest);
        expect(ingest.offset).toBe(0);
        expect(await removing).toBe(true);
        await finish(ingest);
        await ingest.close();
        expect(await blobBytes(store, digest)).toEqual(bytes);
        await store.remove(digest);
      }
    });

    it('is refused while the blob is being written, from the call of ingest on', async () => {
      await using subject = await make();
      const { store } = subject;
      await put(store, bytes);
      const opening = store.ingest(digest);
      expect(await Promise.all([store.remove(digest), store.quarantine(digest)])).toEqual([false, false]);
      const ingest = await opening;
      expect(ingest.offset).toBe(bytes.length);
      expect(await Promise.all([store.remove(digest), store.quarantine(digest)])).toEqual([false, false]);
      await ingest.commit();
      expect(await store.remove(digest)).toBe(true);
      await ingest.close();
    });

    it('counts the blob once, however many ask for it', async () => {
      await using subject = await make();
      const { store } = subject;
      await put(store, bytes);
      const removals = [store.remove(digest), store.quarantine(digest), store.remove(digest)];
      expect(await Promise.all(removals)).toEqual([true, false, false]);
      expect(await Array.fromAsync(store.listQuarantined())).toEqual([]);
    });
  });
}
