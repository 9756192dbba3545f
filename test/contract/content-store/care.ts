import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { noise } from '../../support/image.ts';
import { readAll } from '../../support/stored-blob.ts';
import { bytes, digest, put, suspended, type MakeContentStore } from './subject.ts';

/** What those who look after a cache rely on. */
export function careContract(make: MakeContentStore): void {
  describe('verification', () => {
    it('tells intact, damaged and missing blobs apart', async () => {
      await using subject = await make();
      const { store } = subject;
      const empty = await put(store, Buffer.alloc(0));
      await put(store, bytes);
      expect(await store.verify(digest)).toBe('intact');
      expect(await store.verify(empty)).toBe('intact');
      await subject.spoil(digest);
      expect(await store.verify(digest)).toBe('damaged');
      await store.remove(digest);
      expect(await store.verify(digest)).toBe('missing');
    });

    it('knows sha512', async () => {
      await using subject = await make();
      const name = digestOf(bytes, 'sha512');
      const ingest = await subject.store.ingest(name);
      await ingest.write([bytes]);
      await ingest.commit();
      await ingest.close();
      expect(await subject.store.verify(name)).toBe('intact');
      await subject.spoil(name);
      expect(await subject.store.verify(name)).toBe('damaged');
    });

    it('does not count a partial blob, nor one that is being written', async () => {
      await using subject = await make();
      await suspended(subject.store, bytes.subarray(0, 10));
      expect(await subject.store.verify(digest)).toBe('missing');
      const ingest = await subject.store.ingest(digest);
      expect(await subject.store.verify(digest)).toBe('missing');
      await ingest.close();
    });

    it('tells of every byte as it reads', async () => {
      await using subject = await make();
      const { store } = subject;
      const large = await put(store, noise(5_000_000, 'progress'));
      const told: number[] = [];
      expect(await store.verify(large, { onBytes: (count) => told.push(count) })).toBe('intact');
      expect(told.length).toBeGreaterThan(1);
      expect(told.reduce((sum, count) => sum + count, 0)).toBe(5_000_000);
    });

    it('reads no faster than it may, from one blob to the next', async () => {
      await using subject = await make();
      const { store } = subject;
      const digests = [
        digest,
        await put(store, noise(300_000, 'second')),
        await put(store, noise(9, 'third')),
      ];
      await put(store, bytes);
      // What makes it ready to verify is not to count.
      await store.verify(digest);
      const startedAt = performance.now();
      for (const each of digests)
        expect(await store.verify(each, { bytesPerSecond: 1_000_000 })).toBe('intact');
      // The last blob is small, and its bytes come no sooner than those of the two before it allow.
      expect(performance.now() - startedAt).toBeGreaterThan(590);
    });

    it('that is slow holds up none that is not', async () => {
      await using subject = await make();
      const { store } = subject;
      await put(store, bytes);
      const stopping = new AbortController();
      const slow = store.verify(digest, { bytesPerSecond: 1, signal: stopping.signal });
      slow.catch(() => undefined);
      expect(await store.verify(digest)).toBe('intact');
      stopping.abort(new Error('enough'));
      await expect(slow).rejects.toThrow('enough');
    });

    it('can be cancelled, while it runs and while it waits for its turn, and makes way for the next', async () => {
      await using subject = await make();
      const { store } = subject;
      await put(store, bytes);
      const [first, second] = [new AbortController(), new AbortController()];
      const reading = Promise.withResolvers<void>();
      const running = store.verify(digest, {
        bytesPerSecond: 1,
        signal: first.signal,
        onBytes: () => reading.resolve(),
      });
      const waiting = store.verify(digest, { bytesPerSecond: 1, signal: second.signal });
      const next = store.verify(digest, { bytesPerSecond: 1e9 });
      await reading.promise;
      second.abort(new Error('second'));
      await expect(waiting).rejects.toThrow('second');
      first.abort(new Error('first'));
      await expect(running).rejects.toThrow('first');
      expect(await next).toBe('intact');
      await expect(store.verify(digest, { signal: first.signal })).rejects.toThrow('first');
    });

    it('ends when the store is closed', async () => {
      await using subject = await make();
      const { store } = subject;
      await put(store, bytes);
      const reading = Promise.withResolvers<void>();
      const verifying = store.verify(digest, { bytesPerSecond: 1, onBytes: () => reading.resolve() });
      verifying.catch(() => undefined);
      await reading.promise;
      await store.close();
      await expect(verifying).rejects.toMatchObject({ name: 'StoreError', code: 'IO' });
      await expect(store.verify(digest)).rejects.toMatchObject({ name: 'StoreError', code: 'IO' });
    });
  });

  describe('a quarantined blob', () => {
    it('is out of use, listed with its size and time, and makes room for the right bytes', async () => {
      await using subject = await make();
      const { store, clock } = subject;
      await put(store, bytes);
      await subject.spoil(digest);
      expect(await store.quarantine(digest)).toBe(true);
      expect(await store.quarantine(digest)).toBe(false);
      expect(await store.open(digest)).toBeUndefined();
      expect(await Array.fromAsync(store.list())).toEqual([]);
      expect(await Array.fromAsync((await subject.reopen()).listQuarantined())).toEqual([
        { digest, size: bytes.length, quarantinedAt: clock.now() },
      ]);
      await put(store, bytes);
      expect(await store.verify(digest)).toBe('intact');
    });

    it('stays readable for whoever has it open', async () => {
      await using subject = await make();
      await put(subject.store, bytes);
      const reader = await subject.store.open(digest);
      await subject.store.quarantine(digest);
      expect(reader && (await readAll(reader))).toEqual(bytes);
      await reader?.close();
    });

    it('is removed once it is old enough', async () => {
      await using subject = await make();
      const { store, clock } = subject;
      for (let round = 0; round < 2; round += 1) {
        await put(store, bytes);
        await store.quarantine(digest);
        await clock.advance(1000);
      }
      expect(await Array.fromAsync(store.listQuarantined())).toHaveLength(2);
      expect(await store.removeQuarantined(clock.now() - 1000)).toBe(1);
      expect(await store.removeQuarantined(clock.now() - 1000)).toBe(0);
      expect(await Array.fromAsync(store.listQuarantined())).toMatchObject([
        { quarantinedAt: clock.now() - 1000 },
      ]);
      expect(await store.removeQuarantined(clock.now())).toBe(1);
    });
  });

  describe('the place of a store', () => {
    it('has room, which it tells in bytes', async () => {
      await using subject = await make();
      const { size, free, files, freeFiles } = await subject.store.room();
      expect(size).toBeGreaterThan(1024 * 1024);
      expect(free).toBeGreaterThan(0);
      expect(free).toBeLessThanOrEqual(size);
      expect(freeFiles).toBeLessThanOrEqual(files);
    });

    it('can be checked, many times at once, and nothing is left of that', async () => {
      await using subject = await make();
      const { store } = subject;
      await Promise.all([store.check(), store.check(), store.check()]);
      await store.check();
      expect(await Array.fromAsync(store.list())).toEqual([]);
      expect(await Array.fromAsync(store.listPartial())).toEqual([]);
    });
  });
}
