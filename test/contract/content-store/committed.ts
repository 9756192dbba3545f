import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { noise } from '../../support/image.ts';
import { blobBytes, readAll } from '../../support/stored-blob.ts';
import { bytes, digest, put, type MakeContentStore } from './subject.ts';

/** What holds for blobs that were committed. */
export function committedContract(make: MakeContentStore): void {
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
      expect(await Array.fromAsync(subject.store.listPartial())).toEqual([]);
    });

    it.each(['sha384', 'sha512'] as const)('may be empty, and may be named by %s', async (algorithm) => {
      await using subject = await make();
      for (const content of [Buffer.alloc(0), bytes]) {
        const name = digestOf(content, algorithm);
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

    it('is among the unrecorded ones until it is said to be recorded, also after a crash', async () => {
      await using subject = await make();
      await put(subject.store, bytes);
      expect(await subject.store.unrecorded()).toEqual([digest]);
      const reopened = await subject.reopen();
      expect(await reopened.unrecorded()).toEqual([digest]);
      await reopened.recorded(digest);
      await reopened.recorded(digest);
      expect(await reopened.unrecorded()).toEqual([]);
      expect(await blobBytes(reopened, digest)).toEqual(bytes);
    });

    it('is not among them when it turns out to be wrong', async () => {
      await using subject = await make();
      const ingest = await subject.store.ingest(digest);
      await ingest.write([Buffer.from('something else')]);
      await expect(ingest.commit()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
      await ingest.close();
      expect(await subject.store.unrecorded()).toEqual([]);
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
      const listed = await Array.fromAsync(subject.store.list());
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
      expect(await Array.fromAsync(subject.store.listPartial())).toEqual([]);
    });
  });
}
