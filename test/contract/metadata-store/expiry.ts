import { describe, expect, it } from 'vitest';
import { digestOf, type Digest } from '../../../src/oci/digest.ts';
import { readManifest, type ManifestContents } from '../../../src/oci/manifest.ts';
import type { MetadataStore } from '../../../src/store/metadata-store.ts';
import { makeImage, makeIndex } from '../../support/image.ts';
import { TestClock } from '../../support/test-clock.ts';
import { digestsOf, expire, putWhole } from './evicting.ts';
import {
  alpine,
  blobsOf,
  busybox,
  image,
  latest,
  makeReferrer,
  other,
  putImage,
  unknown,
  type MakeStore,
} from './subject.ts';

/** What eviction by time removes, and what it keeps. */
export function expiryContract(make: MakeStore): void {
  describe('expiry', () => {
    const day = 86_400_000;

    async function expired(store: MetadataStore, before: number): Promise<Set<Digest>> {
      const digests = await expire(store, before);
      const distinct = new Set(digests);
      expect(distinct.size).toBe(digests.length);
      return distinct;
    }

    it('forgets an unused image with its tags, blobs and rights, and names the blobs', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await putWhole(subject.store, busybox, image, 'latest');
      await clock.advance(day);
      expect(await expired(subject.store, clock.now())).toEqual(digestsOf(blobsOf(image)));
      expect(await subject.store.manifest(busybox, image.digest)).toBeUndefined();
      expect(await subject.store.tag(busybox, latest)).toBeUndefined();
      expect(await subject.store.tags(busybox)).toEqual([]);
      expect(await subject.store.repositories(busybox.upstream)).toEqual([]);
      for (const { digest } of blobsOf(image)) {
        expect(await subject.store.blob(digest)).toBeUndefined();
        expect(await subject.store.repositoryBlob(busybox, digest)).toBeUndefined();
      }
      expect(await expire(subject.store, clock.now())).toEqual([]);
    });

    it('keeps what was used at the very moment or later', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await putWhole(subject.store, busybox, image, 'latest');
      expect(await expire(subject.store, clock.now())).toEqual([]);
      expect(await subject.store.tag(busybox, latest)).toBeDefined();
    });

    it('counts a use that is still in memory', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await putWhole(subject.store, busybox, image, 'latest');
      await putWhole(subject.store, busybox, other);
      await clock.advance(day);
      subject.store.touch([image.digest]);
      expect(await expired(subject.store, clock.now())).toEqual(digestsOf(blobsOf(other)));
      expect(await subject.store.manifest(busybox, other.digest)).toBeUndefined();
      expect((await subject.store.manifest(busybox, image.digest))?.bytes).toEqual(image.bytes);
      expect(await subject.store.tag(busybox, latest)).toBeDefined();
      for (const { digest } of blobsOf(image)) expect(await subject.store.blob(digest)).toBeDefined();
    });

    it('counts a use from before a restart', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await putWhole(subject.store, busybox, image);
      await clock.advance(day);
      subject.store.touch([image.digest]);
      const store = await subject.reopen();
      expect(await expire(store, clock.now())).toEqual([]);
      expect(await store.manifest(busybox, image.digest)).toBeDefined();
    });

    it('counts storing again as a use', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await putWhole(subject.store, busybox, image);
      await clock.advance(day);
      await putImage(subject.store, busybox, image);
      expect(await expire(subject.store, clock.now())).toEqual([]);
    });

    it('has no memory: what it forgot may be stored again, and then stays as anything else', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await putWhole(subject.store, busybox, image, 'latest');
      await clock.advance(day);
      await expire(subject.store, clock.now());
      await putWhole(subject.store, busybox, image, 'latest');
      expect(await expire(subject.store, clock.now())).toEqual([]);
      expect(await subject.store.tag(busybox, latest)).toBeDefined();
    });

    it('keeps a blob that images share until the last of them goes', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const shared: ManifestContents = { ...readManifest(other.bytes), blobs: image.layers };
      await putWhole(subject.store, busybox, image);
      await subject.store.putManifest(alpine, other, shared);
      await clock.advance(day);
      subject.store.touch([other.digest]);
      expect(await expired(subject.store, clock.now())).toEqual(digestsOf([image.config]));
      for (const { digest, size } of image.layers) {
        expect(await subject.store.blob(digest)).toBe(size);
        expect(await subject.store.repositoryBlob(alpine, digest)).toMatchObject({ size: size });
        expect(await subject.store.repositoryBlob(busybox, digest)).toBeUndefined();
      }
      await clock.advance(day);
      expect(await expired(subject.store, clock.now())).toEqual(digestsOf(image.layers));
    });

    it('leaves a repository the right to a blob that another manifest of it names', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await putWhole(subject.store, busybox, image);
      await subject.store.putManifest(busybox, other, { ...readManifest(other.bytes), blobs: image.layers });
      await clock.advance(day);
      subject.store.touch([other.digest]);
      await expire(subject.store, clock.now());
      expect(await subject.store.manifest(busybox, image.digest)).toBeUndefined();
      for (const { digest, size } of image.layers) {
        expect(await subject.store.repositoryBlob(busybox, digest)).toMatchObject({ size: size });
      }
    });

    it('keeps the children of an index that is used, and their blobs, through indexes of indexes', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const inner = makeIndex([image]);
      const outer = makeIndex([{ ...image, ...inner }]);
      await putWhole(subject.store, busybox, image);
      await putWhole(subject.store, busybox, other);
      await putImage(subject.store, busybox, inner);
      await putImage(subject.store, busybox, outer, 'latest');
      await clock.advance(day);
      subject.store.touch([outer.digest]);
      expect(await expired(subject.store, clock.now())).toEqual(digestsOf(blobsOf(other)));
      for (const { digest } of [outer, inner, image]) {
        expect(await subject.store.manifest(busybox, digest)).toBeDefined();
      }
      await clock.advance(day);
      expect(await expired(subject.store, clock.now())).toEqual(digestsOf(blobsOf(image)));
      expect(await subject.store.manifest(busybox, image.digest)).toBeUndefined();
    });

    it('keeps an index whole as long as somebody uses one of its children, or a blob that only it names', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const index = makeIndex([image, other]);
      await putWhole(subject.store, busybox, image);
      await putWhole(subject.store, busybox, other);
      await putImage(subject.store, busybox, index, 'latest');
      for (const used of [image.digest, other.layers[0]?.digest ?? unknown]) {
        await clock.advance(day);
        subject.store.touch([used]);
        expect(await expire(subject.store, clock.now())).toEqual([]);
      }
      expect(await subject.store.tag(busybox, latest)).toBeDefined();
      await clock.advance(day);
      const blobs = [...blobsOf(image), ...blobsOf(other)];
      expect(await expired(subject.store, clock.now())).toEqual(digestsOf(blobs));
      expect(await subject.store.tag(busybox, latest)).toBeUndefined();
    });

    describe('of what belongs to a manifest', () => {
      const hex = image.digest.slice('sha256:'.length);
      const signature = makeReferrer(image, 'signature');

      it('keeps what refers to a manifest that is used, and what refers to that, with their blobs', async () => {
        const clock = new TestClock();
        await using subject = await make(clock);
        const countersignature = makeReferrer(signature, 'countersignature');
        await putWhole(subject.store, busybox, image);
        await putImage(subject.store, busybox, signature);
        for (const { digest, size } of signature.blobs) await subject.store.putBlob(digest, size);
        await putImage(subject.store, busybox, countersignature);
        await clock.advance(day);
        subject.store.touch([image.digest]);
        expect(await expire(subject.store, clock.now())).toEqual([]);
        for (const { digest } of [image, signature, countersignature]) {
          expect(await subject.store.manifest(busybox, digest)).toBeDefined();
        }
        for (const { digest, size } of signature.blobs) {
          expect(await subject.store.blob(digest)).toBe(size);
          expect(await subject.store.repositoryBlob(busybox, digest)).toMatchObject({ size: size });
        }
      });

      it('keeps what refers to a child of an index that is used', async () => {
        const clock = new TestClock();
        await using subject = await make(clock);
        const index = makeIndex([image]);
        await putImage(subject.store, busybox, index, 'latest');
        await putImage(subject.store, busybox, signature);
        await clock.advance(day);
        subject.store.touch([index.digest]);
        await expire(subject.store, clock.now());
        expect(await subject.store.manifest(busybox, signature.digest)).toBeDefined();
      });

      it('forgets it with the manifest', async () => {
        const clock = new TestClock();
        await using subject = await make(clock);
        await putWhole(subject.store, busybox, image);
        await putImage(subject.store, busybox, signature, `sha256-${hex}.sig`);
        for (const { digest, size } of signature.blobs) await subject.store.putBlob(digest, size);
        await clock.advance(day);
        const blobs = [...blobsOf(image), ...signature.blobs];
        expect(await expired(subject.store, clock.now())).toEqual(digestsOf(blobs));
        expect(await subject.store.manifest(busybox, signature.digest)).toBeUndefined();
        expect(await subject.store.tags(busybox)).toEqual([]);
      });

      it('keeps a manifest as long as what refers to it is used', async () => {
        const clock = new TestClock();
        await using subject = await make(clock);
        await putImage(subject.store, busybox, image);
        await putImage(subject.store, busybox, signature);
        await clock.advance(day);
        subject.store.touch([signature.digest]);
        await expire(subject.store, clock.now());
        expect(await subject.store.manifest(busybox, image.digest)).toBeDefined();
        await clock.advance(day);
        await expire(subject.store, clock.now());
        expect(await subject.store.manifest(busybox, image.digest)).toBeUndefined();
        expect(await subject.store.manifest(busybox, signature.digest)).toBeUndefined();
      });

      it.each(['', '.sig', '.att', '.sbom'])(
        'keeps what is tagged sha256-<hex>%s after a manifest of the same repository, and the tag',
        async (suffix) => {
          const clock = new TestClock();
          await using subject = await make(clock);
          const tag = `sha256-${hex}${suffix}`;
          await putImage(subject.store, busybox, image);
          await putWhole(subject.store, busybox, other, tag);
          await putImage(subject.store, alpine, makeImage({ seed: 3 }), tag);
          await putImage(subject.store, busybox, makeImage({ seed: 4 }), `${tag}x`);
          await clock.advance(day);
          subject.store.touch([image.digest]);
          expect(await expire(subject.store, clock.now())).toEqual([]);
          expect(await subject.store.tags(busybox)).toEqual([tag]);
          expect(await subject.store.manifest(busybox, other.digest)).toBeDefined();
          expect(await subject.store.tags(alpine)).toEqual([]);
        },
      );

      it('keeps the children of the index that is tagged so', async () => {
        const clock = new TestClock();
        await using subject = await make(clock);
        const listed = makeImage({ seed: 3 });
        await putImage(subject.store, busybox, image);
        await putWhole(subject.store, busybox, listed);
        await putImage(subject.store, busybox, makeIndex([listed], { oci: true }), `sha256-${hex}`);
        await clock.advance(day);
        subject.store.touch([image.digest]);
        expect(await expire(subject.store, clock.now())).toEqual([]);
        expect(await subject.store.manifest(busybox, listed.digest)).toBeDefined();
      });

      it('finds what is tagged after a sha512 digest by its first 64 digits', async () => {
        const clock = new TestClock();
        await using subject = await make(clock);
        const digest = digestOf(image.bytes, 'sha512');
        await putImage(subject.store, busybox, { ...image, digest });
        const tag = `sha512-${digest.slice('sha512:'.length, 'sha512:'.length + 64)}`;
        await putImage(subject.store, busybox, other, tag);
        await clock.advance(day);
        subject.store.touch([digest]);
        await expire(subject.store, clock.now());
        expect(await subject.store.tags(busybox)).toEqual([tag]);
      });
    });

    it('forgets a blob that no manifest names once it is unused, with the right that upstream gave', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await subject.store.putRepositoryBlob(busybox, unknown, 7);
      await subject.store.putBlob(unknown, 7);
      await clock.advance(day);
      subject.store.touch([unknown]);
      await clock.advance(1);
      expect(await expire(subject.store, clock.now() - 1)).toEqual([]);
      expect(await subject.store.repositoryBlob(busybox, unknown)).toMatchObject({ size: 7 });
      expect(await expire(subject.store, clock.now())).toEqual([unknown]);
      expect(await subject.store.repositoryBlob(busybox, unknown)).toBeUndefined();
    });
  });
}
