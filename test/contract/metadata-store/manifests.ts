import { describe, expect, it } from 'vitest';
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
