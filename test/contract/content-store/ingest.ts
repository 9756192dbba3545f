import { describe, expect, it } from 'vitest';
import { noise } from '../../support/image.ts';
import { blobBytes, readAll } from '../../support/stored-blob.ts';
import { bytes, digest, finish, type MakeContentStore } from './subject.ts';

/** What holds while a blob is being written. */
export function ingestContract(make: MakeContentStore): void {
  describe('an ingest', () => {
    it('shows nothing before commit', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([bytes]);
      expect(await subject.store.open(digest)).toBeUndefined();
      expect(await subject.store.size(digest)).toBeUndefined();
      expect(await Array.fromAsync(subject.store.list())).toEqual([]);
      expect(await Array.fromAsync(subject.store.listPartial())).toMatchObject([
        { digest, size: bytes.length },
      ]);
      await ingest.close();
    });

    it('is waited for by those who want to write the same blob', async () => {
      await using subject = await make();
      await subject.store.settled(digest);
      const first = await subject.store.ingest(digest);
      let settled = false;
      const waiting = subject.store.settled(digest).then(() => (settled = true));
      await first.write([bytes.subarray(0, 10)]);
      expect(settled).toBe(false);
      await first.close();
      await waiting;
      const next = await subject.store.ingest(digest);
      expect(next.offset).toBe(10);
      await next.close();
    });

    it('can be read up to its offset while it is written', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      expect(await ingest.reader().read(Buffer.alloc(10), 10, 0)).toBe(0);
      await ingest.write([bytes.subarray(0, 1000)]);
      const writing = ingest.write([bytes.subarray(1000)]);
      const buffer = Buffer.alloc(bytes.length);
      // One read, begun before the write can have ended: how soon that ends is the disk's business.
      expect(await ingest.reader().read(buffer, buffer.length, 0)).toBe(1000);
      expect(buffer.subarray(0, 1000)).toEqual(bytes.subarray(0, 1000));
      await writing;
      expect(await readAll(ingest.reader(), 999)).toEqual(bytes.subarray(999));
      await ingest.close();
    });

    it('can be read after commit, after the removal of the blob, until close', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([bytes]);
      await ingest.commit();
      expect(await readAll(ingest.reader())).toEqual(bytes);
      await subject.store.remove(digest);
      expect(await readAll(ingest.reader())).toEqual(bytes);
      await ingest.close();
      await expect(ingest.reader().read(Buffer.alloc(10), 10, 0)).rejects.toMatchObject({ code: 'IO' });
    });

    it('finishes the reads under way before it closes', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([bytes]);
      const buffer = Buffer.alloc(1000);
      const reading = ingest.reader().read(buffer, buffer.length, 0);
      const closing = ingest.close();
      expect(await reading).toBe(buffer.length);
      expect(buffer).toEqual(bytes.subarray(0, buffer.length));
      await closing;
    });

    it('keeps nothing of bytes that do not hash to the digest', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([bytes.subarray(0, -1), Buffer.from([0])]);
      expect(ingest.matches()).toBe(false);
      await expect(ingest.commit()).rejects.toMatchObject({ name: 'StoreError', code: 'DIGEST_MISMATCH' });
      await expect(ingest.commit()).rejects.toMatchObject({ code: 'IO' });
      await ingest.close();
      expect(await subject.store.open(digest)).toBeUndefined();
      expect(await Array.fromAsync(subject.store.listPartial())).toEqual([]);
      const next = await subject.store.ingest(digest);
      expect(next.offset).toBe(0);
      await next.close();
    });

    it('does not take a beginning for the whole', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([bytes.subarray(0, -1)]);
      await expect(ingest.commit()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
      await ingest.close();
    });

    it('is one at a time for a digest, and free again after each way of ending', async () => {
      await using subject = await make();
      const { store } = subject;
      for (const end of ['suspend', 'discard', 'close', 'commit'] as const) {
        const ingest = await store.ingest(digest);
        await ingest.write([bytes.subarray(ingest.offset)]);
        await expect(store.ingest(digest)).rejects.toMatchObject({ name: 'StoreError', code: 'INGEST_BUSY' });
        await ingest[end]();
        const next = await store.ingest(digest);
        await next.discard();
        await next.close();
        if (end !== 'close') await ingest.close();
      }
    });

    it('leaves nothing behind when discarded, yet stays readable', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([bytes]);
      await ingest.discard();
      expect(await Array.fromAsync(subject.store.listPartial())).toEqual([]);
      expect(await readAll(ingest.reader())).toEqual(bytes);
      await expect(ingest.write([bytes])).rejects.toMatchObject({ code: 'IO' });
      await ingest.close();
    });

    it('starts again in place', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([noise(500_000, 'wrong')]);
      await ingest.restart();
      expect(ingest.offset).toBe(0);
      expect(await ingest.reader().read(Buffer.alloc(10), 10, 0)).toBe(0);
      await finish(ingest);
      await ingest.close();
      expect(await blobBytes(subject.store, digest)).toEqual(bytes);
    });

    it('ends a write before it discards', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      const settled: string[] = [];
      await Promise.all([
        ingest.write([bytes]).then(() => settled.push('write')),
        ingest.discard().then(() => settled.push('discard')),
      ]);
      expect(settled).toEqual(['write', 'discard']);
      await ingest.close();
    });
  });
}
