import { describe, expect, it } from 'vitest';
import { TestClock } from '../../support/test-clock.ts';
import { digestsOf, evictAll, putWhole, sizeOf } from './evicting.ts';
import { alpine, blobsOf, busybox, image, other, putImage, unknown, type MakeStore } from './subject.ts';

/** What holds for blobs whose bytes are to go, and for what the store says it takes. */
export function condemnedContract(make: MakeStore): void {
  const fresh = () => make(new TestClock());

  describe('a condemned blob', () => {
    it('is one until its bytes are gone, across a restart', async () => {
      await using subject = await fresh();
      await putWhole(subject.store, busybox, image);
      await evictAll(subject.store);
      const { evictions } = await subject.reopen();
      const condemned = await evictions.condemned(10);
      expect(new Set(condemned)).toEqual(digestsOf(blobsOf(image)));
      expect(await evictions.condemned(2)).toHaveLength(2);
      expect(await evictions.isCondemned(image.config.digest)).toBe(true);
      for (const digest of condemned)
        if (digest !== image.config.digest) await evictions.forgetCondemned(digest);
      expect(await evictions.condemned(10)).toEqual([image.config.digest]);
      await evictions.forgetCondemned(image.config.digest);
      expect(await evictions.isCondemned(image.config.digest)).toBe(false);
    });

    it('is none any more once its bytes have been fetched anew', async () => {
      await using subject = await fresh();
      const { store } = subject;
      await store.putBlob(unknown, 7);
      await evictAll(store);
      await store.putBlob(unknown, 7);
      expect(await store.evictions.isCondemned(unknown)).toBe(false);
      expect(await store.blob(unknown)).toBe(7);
    });

    it('is not taken up again because its bytes are still there; others that are found are', async () => {
      await using subject = await fresh();
      const { store } = subject;
      await store.putBlob(unknown, 7);
      await evictAll(store);
      expect(await store.adoptBlob(unknown, 7)).toBe(false);
      expect(await store.blob(unknown)).toBeUndefined();
      expect(await store.adoptBlob(image.config.digest, 5)).toBe(true);
      expect(await store.adoptBlob(image.config.digest, 6)).toBe(true);
      expect(await store.blob(image.config.digest)).toBe(6);
      expect((await evictAll(store)).blobs).toEqual([image.config.digest]);
    });
  });

  describe('the account', () => {
    it('counts each held blob once: in the store, in an upstream, in a repository', async () => {
      await using subject = await fresh();
      const { store } = subject;
      const { upstream } = busybox;
      await putWhole(store, busybox, image, 'latest');
      await putImage(store, alpine, image);
      await putWhole(store, alpine, other);
      await store.putBlob(unknown, 7);
      const [one, two] = [sizeOf(blobsOf(image)), sizeOf(blobsOf(other))];
      expect(await store.evictions.usage()).toMatchObject({ blobs: 7, bytes: one + two + 7, manifests: 2 });
      expect(await store.evictions.usageOf({ upstream })).toBe(one + two);
      expect(await store.evictions.usageOf(busybox)).toBe(one);
      expect(await store.evictions.usageOf(alpine)).toBe(one + two);
      await store.removeBlob(image.config.digest);
      const left = one - image.config.size;
      expect(await store.evictions.usage()).toMatchObject({ blobs: 6, bytes: left + two + 7 });
      expect(await store.evictions.usageOf({ upstream })).toBe(left + two);
      expect(await store.evictions.usageOf(busybox)).toBe(left);
      await evictAll(store);
      expect(await store.evictions.usage()).toMatchObject({ blobs: 0, bytes: 0, manifests: 0 });
      expect(await store.evictions.usageOf({ upstream })).toBe(0);
    });

    it('says what the database itself takes', async () => {
      await using subject = await fresh();
      const { databaseBytes } = await subject.store.evictions.usage();
      await subject.store.putManifest(
        busybox,
        { ...other, bytes: Buffer.alloc(100_000) },
        {
          mediaType: undefined,
          children: [],
          blobs: [],
          subject: undefined,
          artifactType: undefined,
          isManifest: true,
        },
      );
      const { databaseBytes: after } = await subject.store.evictions.usage();
      expect(after - databaseBytes).toBeGreaterThan(90_000);
      expect(after - databaseBytes).toBeLessThan(130_000);
    });
  });
}
