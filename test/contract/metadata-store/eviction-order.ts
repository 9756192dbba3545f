import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/oci/digest.ts';
import { readManifest, type ManifestContents } from '../../../src/oci/manifest.ts';
import type { Retention } from '../../../src/store/evictions.ts';
import type { MetadataStore } from '../../../src/store/metadata-store.ts';
import { makeImage, makeIndex } from '../../support/image.ts';
import { TestClock } from '../../support/test-clock.ts';
import { digestsOf, evictAll, heedless, putWhole, sizeOf } from './evicting.ts';
import {
  alpine,
  blobsOf,
  busybox,
  image,
  latest,
  other,
  putImage,
  repositoryNamed,
  unknown,
  type MakeStore,
} from './subject.ts';

const [first, second, third] = [makeImage({ seed: 11 }), makeImage({ seed: 12 }), makeImage({ seed: 13 })];
const year = 365 * 86_400_000;

/** Roots in the order in which they go. */
async function order(
  store: MetadataStore,
  request: { retention?: Retention } = {},
): Promise<readonly Digest[]> {
  return (await evictAll(store, request)).images.map(({ digest }) => digest);
}

/** Who goes first, and when nobody does. */
export function evictionOrderContract(make: MakeStore): void {
  describe('the order of eviction', () => {
    it('is that of last use, and each image goes with its tags, rights and blobs', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const { store } = subject;
      for (const each of [first, second, third]) {
        await putWhole(store, busybox, each, `t${each.digest.slice(-8)}`);
        await clock.advance(1000);
      }
      store.touch([first.digest]);
      const eviction = await evictAll(store, { bytes: 1 });
      expect(eviction).toMatchObject({
        images: [
          {
            repository: busybox,
            digest: second.digest,
            tags: [`t${second.digest.slice(-8)}`],
            lastUsedAt: clock.now() - 2000,
          },
        ],
        manifests: [{ repository: busybox, digest: second.digest }],
        tags: [{ repository: busybox, tag: `t${second.digest.slice(-8)}` }],
        bytes: sizeOf(blobsOf(second)),
      });
      expect(new Set(eviction.blobs)).toEqual(digestsOf(blobsOf(second)));
      expect(new Set(eviction.rights.map(({ digest }) => digest))).toEqual(digestsOf(blobsOf(second)));
      expect(await order(store)).toEqual([third.digest, first.digest]);
      expect(await store.repositories(busybox.upstream)).toEqual([]);
    });

    it.each([
      ['back', -3 * year],
      ['forward', 3 * year],
    ])('is not upset by a clock that is set %s by years, nor by a restart', async (_, jump) => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await putWhole(subject.store, busybox, first);
      await putWhole(subject.store, busybox, second);
      clock.set(jump);
      const store = await subject.reopen();
      await putWhole(store, busybox, third);
      store.touch([first.digest]);
      expect(await order(store)).toEqual([second.digest, third.digest, first.digest]);
    });

    it('counts the use of a blob that only one image names as a use of that image', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      for (const each of [first, second]) await putWhole(subject.store, busybox, each);
      await clock.advance(1000);
      subject.store.touch([first.layers[0]?.digest ?? unknown]);
      await clock.advance(60_000);
      expect(await order(subject.store)).toEqual([second.digest, first.digest]);
    });

    it('is that of whole images: children of an index go with it, and count as it does', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const { store } = subject;
      const index = makeIndex([first, second]);
      for (const each of [first, second, third]) await putWhole(store, busybox, each);
      await putImage(store, busybox, index, 'latest');
      await clock.advance(1000);
      store.touch([second.digest]);
      const eviction = await evictAll(store);
      expect(eviction.images).toMatchObject([
        { digest: third.digest },
        { digest: index.digest, tags: ['latest'] },
      ]);
      expect(eviction.manifests).toHaveLength(4);
    });

    it('lets a child that two indexes list go with the second of them', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const { store } = subject;
      await putWhole(store, busybox, first);
      await putWhole(store, busybox, second);
      const [one, two] = [makeIndex([first, second]), makeIndex([first])];
      await putImage(store, busybox, one);
      await putImage(store, busybox, two);
      const taken = await evictAll(store, { bytes: 1 });
      expect(new Set(taken.manifests.map(({ digest }) => digest))).toEqual(digestsOf([one, second]));
      expect(new Set(taken.blobs)).toEqual(digestsOf(blobsOf(second)));
      expect((await evictAll(store)).images).toMatchObject([
        { digest: two.digest, bytes: sizeOf(blobsOf(first)) },
      ]);
    });

    it('keeps a blob that images share until the last of them goes', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const shared: ManifestContents = { ...readManifest(other.bytes), blobs: image.layers };
      await putWhole(subject.store, busybox, image);
      await subject.store.putManifest(alpine, other, shared);
      const eviction = await evictAll(subject.store);
      expect(eviction.images).toMatchObject([
        { digest: image.digest, bytes: image.config.size },
        { digest: other.digest, bytes: sizeOf(image.layers) },
      ]);
    });

    it('has a place for blobs that no manifest names, too', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const { store } = subject;
      await store.putBlob(unknown, 7);
      await putWhole(store, busybox, first);
      expect(await evictAll(store, { bytes: 1 })).toMatchObject({ images: [], blobs: [unknown], bytes: 7 });
      await store.putBlob(unknown, 7);
      expect(await evictAll(store, { bytes: 1 })).toMatchObject({ images: [{ digest: first.digest }] });
    });

    it('comes to an end with tags that are named after each other’s digests, and with one named after its own', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const { store } = subject;
      const named = (digest: Digest) => digest.replace(':', '-');
      await putImage(store, busybox, first, named(second.digest));
      await putImage(store, busybox, second, `${named(first.digest)}.sig`);
      await putImage(store, busybox, third, named(third.digest));
      const eviction = await evictAll(store);
      expect(eviction.done).toBe(true);
      expect(new Set(eviction.manifests.map(({ digest }) => digest))).toEqual(
        digestsOf([first, second, third]),
      );
    });
  });

  describe('what stays', () => {
    it('is what is pinned, by a tag or by its digest, with all that belongs to it', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const { store } = subject;
      const index = makeIndex([first]);
      await putWhole(store, busybox, first);
      await putImage(store, busybox, index, 'latest');
      await putWhole(store, busybox, second);
      await putWhole(store, busybox, third, 'other');
      const retention: Retention = {
        ...heedless,
        isPinned: (repository, tags, digest) =>
          repository.name === busybox.name && (tags.includes(latest) || digest === second.digest),
      };
      expect(await order(store, { retention })).toEqual([third.digest]);
      expect(await order(store, { retention })).toEqual([]);
      expect(await store.manifest(busybox, first.digest)).toBeDefined();
      expect(await order(store)).toHaveLength(2);
    });

    it('is an image of which something is in use, be it still on its way; it counts as used', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const { store } = subject;
      await putWhole(store, busybox, first);
      await putImage(store, busybox, second);
      await putWhole(store, busybox, third);
      const inUse = digestsOf([first.config, ...second.layers]);
      const retention: Retention = { ...heedless, isInUse: (blob) => inUse.has(blob) };
      expect(await order(store, { retention })).toEqual([third.digest]);
      await putWhole(store, busybox, third);
      inUse.clear();
      expect(await order(store, { retention })).toEqual([first.digest, second.digest, third.digest]);
    });

    it('is a blob in use that no manifest names', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await subject.store.putBlob(unknown, 7);
      const { blobs, done } = await evictAll(subject.store, {
        retention: { ...heedless, isInUse: () => true },
      });
      expect({ blobs, done }).toEqual({ blobs: [], done: true });
      expect(await subject.store.blob(unknown)).toBe(7);
    });
  });

  describe('eviction within a scope', () => {
    const elsewhere = repositoryNamed('library/busybox', 'ghcr.io');

    it('takes images from the repositories of the scope only, and nothing from a repository beside it', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const { store } = subject;
      await putWhole(store, busybox, first);
      await putWhole(store, alpine, second);
      await putWhole(store, elsewhere, third);
      await store.putBlob(unknown, 7);
      expect((await evictAll(store, { scope: elsewhere })).images).toMatchObject([
        { repository: elsewhere, digest: third.digest },
      ]);
      expect((await evictAll(store, { scope: alpine })).images).toMatchObject([
        { repository: alpine, digest: second.digest },
      ]);
      const { upstream } = busybox;
      expect((await evictAll(store, { scope: { upstream } })).images).toMatchObject([
        { digest: first.digest },
      ]);
      expect(await store.blob(unknown)).toBe(7);
    });

    it('leaves what others hold of the same image, and frees what it takes from the scope’s account', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const { store } = subject;
      await putWhole(store, busybox, image, 'latest');
      await putImage(store, elsewhere, image, 'latest');
      const size = sizeOf(blobsOf(image));
      expect(await store.evictions.usageOf(elsewhere)).toBe(size);
      const eviction = await evictAll(store, { scope: elsewhere, bytes: 1 });
      expect(eviction).toMatchObject({
        bytes: size,
        blobs: [],
        manifests: [{ repository: elsewhere, digest: image.digest }],
      });
      expect(await store.evictions.usageOf({ upstream: elsewhere.upstream })).toBe(0);
      expect(await store.evictions.usageOf({ upstream: busybox.upstream })).toBe(size);
      expect(await store.tag(busybox, latest)).toBeDefined();
      expect(await store.repositoryBlob(elsewhere, image.config.digest)).toBeUndefined();
      expect(await store.repositoryBlob(busybox, image.config.digest)).toBeDefined();
    });

    it('goes on where it ended, and finds what comes into the scope later', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const { store } = subject;
      await putWhole(store, busybox, first);
      await putWhole(store, elsewhere, second);
      expect((await evictAll(store, { scope: elsewhere })).images).toHaveLength(1);
      expect((await evictAll(store, { scope: elsewhere })).images).toHaveLength(0);
      await putImage(store, elsewhere, first);
      expect((await evictAll(store, { scope: elsewhere })).images).toMatchObject([{ digest: first.digest }]);
    });
  });
}
