import { describe, expect, it } from 'vitest';
import { blobBytes, readAll } from '../../support/stored-blob.ts';
import { bytes, digest, finish, suspended, turns, type MakeContentStore } from './subject.ts';

const inAnHour = () => Date.now() + 3_600_000;

/** What holds for what suspended ingests and crashes leave. */
export function partialContract(make: MakeContentStore): void {
  describe('a partial blob', () => {
    it.each(['suspend', 'close'] as const)('is resumed where %s left it', async (end) => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([bytes.subarray(0, 123_456)]);
      await ingest[end]();
      const next = await subject.store.ingest(digest);
      expect(next.offset).toBe(123_456);
      expect(await readAll(next.reader())).toEqual(bytes.subarray(0, 123_456));
      await finish(next);
      await next.close();
      if (end === 'suspend') await ingest.close();
      expect(await blobBytes(subject.store, digest)).toEqual(bytes);
    });

    it('is resumed after a crash', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([bytes.subarray(0, 123_456)]);
      const store = await subject.reopen();
      const next = await store.ingest(digest);
      expect(next.offset).toBe(123_456);
      await finish(next);
      await next.close();
      expect(await blobBytes(store, digest)).toEqual(bytes);
      await ingest.close();
    });

    it('is no longer written to by the ingest that was suspended', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([bytes.subarray(0, 10)]);
      await ingest.suspend();
      const next = await subject.store.ingest(digest);
      for (const refused of [() => ingest.write([bytes]), () => ingest.restart(), () => ingest.commit()]) {
        await expect(refused()).rejects.toMatchObject({ code: 'IO' });
      }
      await ingest.discard();
      expect(await readAll(ingest.reader())).toEqual(bytes.subarray(0, 10));
      await ingest.close();
      await finish(next);
      await next.close();
      expect(await blobBytes(subject.store, digest)).toEqual(bytes);
    });

    it('without a byte in it is not kept', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.suspend();
      await ingest.close();
      expect(await Array.fromAsync(subject.store.listPartial())).toEqual([]);
    });

    it('is removed once nobody has written to it for long, unless it is open', async () => {
      await using subject = await make();
      await suspended(subject.store, bytes.subarray(0, 10));
      expect(await subject.store.removePartials(Date.now() - 3_600_000)).toBe(0);
      const ingest = await subject.store.ingest(digest);
      expect(await subject.store.removePartials(inAnHour())).toBe(0);
      await ingest.close();
      expect(await subject.store.removePartials(inAnHour())).toBe(1);
      expect(await Array.fromAsync(subject.store.listPartial())).toEqual([]);
    });

    it('that is being removed does not take a new ingest along, whenever that starts', async () => {
      await using subject = await make();
      for (let delay = 0; delay < 20; delay += 1) {
        await suspended(subject.store, bytes.subarray(0, 10));
        const removing = subject.store.removePartials(inAnHour());
        await turns(delay);
        const ingest = await subject.store.ingest(digest);
        await removing;
        await finish(ingest);
        await ingest.close();
        expect(await subject.store.remove(digest)).toBe(true);
      }
    });

    it('can be removed by its digest, unless it is open', async () => {
      await using subject = await make();
      const { store } = subject;
      expect(await store.removePartial(digest)).toBe(false);
      await suspended(store, bytes.subarray(0, 10));
      const ingest = await store.ingest(digest);
      expect(await store.removePartial(digest)).toBe(false);
      await ingest.close();
      expect(await Promise.all([store.removePartial(digest), store.removePartial(digest)])).toEqual([
        true,
        false,
      ]);
      expect(await Array.fromAsync(store.listPartial())).toEqual([]);
    });

    it('says when it was last written to', async () => {
      await using subject = await make();
      const before = Date.now();
      await suspended(subject.store, bytes.subarray(0, 10));
      const [partial] = await Array.fromAsync(subject.store.listPartial());
      // File systems round, some of them to two seconds.
      expect(partial?.writtenAt).toBeGreaterThan(before - 3000);
      expect(partial?.writtenAt).toBeLessThan(Date.now() + 3000);
    });

    it('that is removed is waited for by an ingest, which then starts from nothing', async () => {
      await using subject = await make();
      await suspended(subject.store, bytes.subarray(0, 10));
      const removing = subject.store.removePartial(digest);
      const ingest = await subject.store.ingest(digest);
      expect(ingest.offset).toBe(0);
      expect(await removing).toBe(true);
      await finish(ingest);
      await ingest.close();
      expect(await blobBytes(subject.store, digest)).toEqual(bytes);
    });
  });
}
