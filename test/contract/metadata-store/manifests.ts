import { describe, expect, it } from 'vitest';
import { makeImage, makeIndex } from '../../support/image.ts';
import { TestClock } from '../../support/test-clock.ts';
import {
  alpine,
  busybox,
  image,
  latest,
  putImage,
  repositoryNamed,
  unknown,
  type MakeStore,
} from './subject.ts';

/** What holds for manifests. */
export function manifestsContract(make: MakeStore): void {
  const fresh = () => make(new TestClock());

  describe('a manifest', () => {
    it('comes back byte for byte, in the repository that it was stored for and in no other', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image);
      expect(await subject.store.manifest(busybox, image.digest)).toEqual({
        mediaType: image.mediaType,
        digest: image.digest,
        size: image.bytes.length,
        bytes: image.bytes,
      });
      expect(await subject.store.manifest(alpine, image.digest)).toBeUndefined();
      expect(
        await subject.store.manifest(repositoryNamed('library/busybox', 'ghcr.io'), image.digest),
      ).toBeUndefined();
      expect(await subject.store.manifest(busybox, unknown)).toBeUndefined();
    });

    it('may be stored again, and for a second repository', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image);
      await putImage(subject.store, busybox, image);
      await putImage(subject.store, alpine, image);
      for (const repository of [busybox, alpine]) {
        expect((await subject.store.manifest(repository, image.digest))?.bytes).toEqual(image.bytes);
        expect(await subject.store.repositoryBlob(repository, image.config.digest)).toMatchObject({
          size: image.config.size,
        });
      }
    });

    it('can be found whoever holds it, which gives nobody a right to it', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image);
      expect((await subject.store.anyManifest(image.digest))?.bytes).toEqual(image.bytes);
      expect(await subject.store.anyManifest(unknown)).toBeUndefined();
      expect(await subject.store.manifest(alpine, image.digest)).toBeUndefined();
    });

    it('is found in the indexes of its repository that list it, the four that were used last', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const indexes = [2, 3, 4, 5, 6].map((seed) => makeIndex([image, makeImage({ seed })]));
      for (const index of indexes) {
        await putImage(subject.store, busybox, index);
        await clock.advance(1000);
      }
      await putImage(subject.store, busybox, makeIndex([makeImage({ seed: 7 })]));
      await putImage(subject.store, alpine, makeIndex([image]));

      const found = await subject.store.indexesOf(busybox, image.digest);

      expect(found).toEqual(
        indexes
          .slice(1)
          .toReversed()
          .map(({ mediaType, digest, size, bytes }) => ({ mediaType, digest, size, bytes })),
      );
      expect(await subject.store.indexesOf(busybox, unknown)).toEqual([]);
      expect(await subject.store.indexesOf(repositoryNamed('no/such'), image.digest)).toEqual([]);
    });

    it('keeps its tag, blobs and bytes across a restart', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image, 'latest');
      await subject.store.putBlob(image.config.digest, image.config.size);
      const store = await subject.reopen();
      expect((await store.manifest(busybox, image.digest))?.bytes).toEqual(image.bytes);
      expect(await store.tag(busybox, latest)).toEqual({ digest: image.digest, checkedAt: 1 });
      expect(await store.blob(image.config.digest)).toBe(image.config.size);
    });
  });
}
