import { describe, expect, it } from 'vitest';
import { digestOf, type Digest } from '../../src/oci/digest.ts';
import type { ContentStore, Ingest } from '../../src/store/content-store.ts';
import { noise } from '../support/image.ts';
import { blobBytes, gather, readAll } from '../support/stored-blob.ts';

/** A store to try, empty at first. */
export interface ContentStoreUnderTest extends AsyncDisposable {
  readonly store: ContentStore;
  /** The same content through a new store, as after a crash of the process. */
  reopen(): Promise<ContentStore>;
}

async function put(store: ContentStore, bytes: Buffer): Promise<Digest> {
  const digest = digestOf(bytes);
  const ingest = await store.ingest(digest);
  await ingest.write([bytes]);
  await ingest.commit();
  await ingest.close();
  return digest;
}

const bytes = noise(300_000, 'contract');
const digest = digestOf(bytes);
const inAnHour = () => Date.now() + 3_600_000;

/** What every content store must do; `make` gives a fresh, empty one for each test. */
export function contentStoreContract(make: () => Promise<ContentStoreUnderTest>): void {
  async function suspended(store: ContentStore, part: Buffer): Promise<void> {
    const ingest = await store.ingest(digest);
    await ingest.write([part]);
    await ingest.suspend();
    await ingest.close();
  }

  function finish(ingest: Ingest): Promise<void> {
    return ingest.write([bytes.subarray(ingest.offset)]).then(() => ingest.commit());
  }

  describe('a committed blob', () => {
    it('has the bytes that were written, in order', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([bytes.subarray(0, 10), bytes.subarray(10, 11), bytes.subarray(11, 70_000)]);
      await ingest.write([]);
      await ingest.write([bytes.subarray(70_000), Buffer.alloc(0)]);
      expect(ingest.offset).toBe(bytes.length);
      expect(ingest.matches()).toBe(true);
      await ingest.commit();
      await ingest.close();
      expect(await blobBytes(subject.store, digest)).toEqual(bytes);
      expect(await subject.store.size(digest)).toBe(bytes.length);
      expect(await gather(subject.store.listPartial())).toEqual([]);
    });

    it('may be empty, and may be named by sha512', async () => {
      await using subject = await make();
      for (const content of [Buffer.alloc(0), bytes]) {
        const name = digestOf(content, 'sha512');
        const ingest = await subject.store.ingest(name);
        await ingest.write([content]);
        await ingest.commit();
        await ingest.close();
        expect(await blobBytes(subject.store, name)).toEqual(content);
      }
    });

    it('may be written in more chunks than one system call takes', async () => {
      await using subject = await make();
      const chunks = Array.from({ length: 3000 }, (_, index) =>
        bytes.subarray(index * 100, index * 100 + 100),
      );
      const ingest = await subject.store.ingest(digest);
      await ingest.write(chunks);
      await ingest.commit();
      await ingest.close();
      expect(await blobBytes(subject.store, digest)).toEqual(bytes);
    });

    it('outlives the process', async () => {
      await using subject = await make();
      await put(subject.store, bytes);
      expect(await blobBytes(await subject.reopen(), digest)).toEqual(bytes);
    });

    it('reads from any position, no further than its end, several reads at once', async () => {
      await using subject = await make();
      await put(subject.store, bytes);
      const reader = await subject.store.open(digest);
      expect(reader?.size).toBe(bytes.length);
      const positions = [0, 1, 4095, 150_000, bytes.length - 5];
      const parts = await Promise.all(
        positions.map(async (position) => {
          const buffer = Buffer.alloc(1000);
          return buffer.subarray(0, await reader?.read(buffer, 1000, position));
        }),
      );
      expect(parts).toEqual(positions.map((position) => bytes.subarray(position, position + 1000)));
      expect(await reader?.read(Buffer.alloc(10), 10, bytes.length)).toBe(0);
      expect(await reader?.read(Buffer.alloc(10), 10, bytes.length + 7)).toBe(0);
      await reader?.close();
    });

    it('refuses to be read after close', async () => {
      await using subject = await make();
      await put(subject.store, bytes);
      const reader = await subject.store.open(digest);
      await reader?.close();
      await expect(reader?.read(Buffer.alloc(10), 10, 0)).rejects.toMatchObject({ code: 'IO' });
    });

    it('can be removed under its readers', async () => {
      await using subject = await make();
      await put(subject.store, bytes);
      const reader = await subject.store.open(digest);
      expect(await subject.store.remove(digest)).toBe(true);
      expect(await subject.store.remove(digest)).toBe(false);
      expect(await subject.store.open(digest)).toBeUndefined();
      expect(await subject.store.size(digest)).toBeUndefined();
      expect(reader && (await readAll(reader))).toEqual(bytes);
      await reader?.close();
    });

    it('is listed with its size', async () => {
      await using subject = await make();
      const sizes = [0, 1, 5000];
      const expected = await Promise.all(
        sizes.map(async (size) => ({ digest: await put(subject.store, noise(size, `list ${size}`)), size })),
      );
      const listed = await gather(subject.store.list());
      expect(listed).toHaveLength(sizes.length);
      expect(listed).toEqual(expect.arrayContaining(expected));
    });

    it('is taken up again by an ingest of the same digest, and needs no byte more to be committed', async () => {
      await using subject = await make();
      await put(subject.store, bytes);
      const ingest = await subject.store.ingest(digest);
      expect(ingest.offset).toBe(bytes.length);
      expect(ingest.matches()).toBe(true);
      await ingest.commit();
      await ingest.close();
      expect(await blobBytes(subject.store, digest)).toEqual(bytes);
      expect(await gather(subject.store.listPartial())).toEqual([]);
    });
  });

  describe('an ingest', () => {
    it('shows nothing before commit', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([bytes]);
      expect(await subject.store.open(digest)).toBeUndefined();
      expect(await subject.store.size(digest)).toBeUndefined();
      expect(await gather(subject.store.list())).toEqual([]);
      expect(await gather(subject.store.listPartial())).toMatchObject([{ digest, size: bytes.length }]);
      await ingest.close();
    });

    it('can be read up to its offset while it is written', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      expect(await ingest.read(Buffer.alloc(10), 10, 0)).toBe(0);
      await ingest.write([bytes.subarray(0, 1000)]);
      const writing = ingest.write([bytes.subarray(1000)]);
      const buffer = Buffer.alloc(bytes.length);
      // One read, begun before the write can have ended: how soon that ends is the disk's business.
      expect(await ingest.read(buffer, buffer.length, 0)).toBe(1000);
      expect(buffer.subarray(0, 1000)).toEqual(bytes.subarray(0, 1000));
      await writing;
      expect(await readAll(ingest, 999)).toEqual(bytes.subarray(999));
      await ingest.close();
    });

    it('can be read after commit, after the removal of the blob, until close', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([bytes]);
      await ingest.commit();
      expect(await readAll(ingest)).toEqual(bytes);
      await subject.store.remove(digest);
      expect(await readAll(ingest)).toEqual(bytes);
      await ingest.close();
      await expect(ingest.read(Buffer.alloc(10), 10, 0)).rejects.toMatchObject({ code: 'IO' });
    });

    it('finishes the reads under way before it closes', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([bytes]);
      const buffer = Buffer.alloc(1000);
      const reading = ingest.read(buffer, buffer.length, 0);
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
      expect(await gather(subject.store.listPartial())).toEqual([]);
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
      expect(await gather(subject.store.listPartial())).toEqual([]);
      expect(await readAll(ingest)).toEqual(bytes);
      await expect(ingest.write([bytes])).rejects.toMatchObject({ code: 'IO' });
      await ingest.close();
    });

    it('starts again in place', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([noise(500_000, 'wrong')]);
      await ingest.restart();
      expect(ingest.offset).toBe(0);
      expect(await ingest.read(Buffer.alloc(10), 10, 0)).toBe(0);
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

  describe('a partial blob', () => {
    it.each(['suspend', 'close'] as const)('is resumed where %s left it', async (end) => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([bytes.subarray(0, 123_456)]);
      await ingest[end]();
      const next = await subject.store.ingest(digest);
      expect(next.offset).toBe(123_456);
      expect(await readAll(next)).toEqual(bytes.subarray(0, 123_456));
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
      expect(await readAll(ingest)).toEqual(bytes.subarray(0, 10));
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
      expect(await gather(subject.store.listPartial())).toEqual([]);
    });

    it('is removed once nobody has written to it for long, unless it is open', async () => {
      await using subject = await make();
      await suspended(subject.store, bytes.subarray(0, 10));
      expect(await subject.store.removePartials(Date.now() - 3_600_000)).toBe(0);
      const ingest = await subject.store.ingest(digest);
      expect(await subject.store.removePartials(inAnHour())).toBe(0);
      await ingest.close();
      expect(await subject.store.removePartials(inAnHour())).toBe(1);
      expect(await gather(subject.store.listPartial())).toEqual([]);
    });

    it('that is being removed does not take a new ingest along, whenever that starts', async () => {
      await using subject = await make();
      for (let turns = 0; turns < 20; turns += 1) {
        await suspended(subject.store, bytes.subarray(0, 10));
        const removing = subject.store.removePartials(inAnHour());
        for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        const ingest = await subject.store.ingest(digest);
        await removing;
        await finish(ingest);
        await ingest.close();
        expect(await subject.store.remove(digest)).toBe(true);
      }
    });
  });
}
