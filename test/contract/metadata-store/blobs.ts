import { describe, expect, it } from 'vitest';
import { TestClock } from '../../support/test-clock.ts';
import {
  alpine,
  blobsOf,
  busybox,
  image,
  putImage,
  unknown,
  upstreamNamed,
  type MakeStore,
} from './subject.ts';

/** What holds for blobs, and for the right to read them. */
export function blobsContract(make: MakeStore): void {
  const fresh = () => make(new TestClock());

  describe('the right to read a blob', () => {
    it('comes with a manifest of the repository that names it, bytes held or not', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image);
      for (const blob of blobsOf(image)) {
        expect(await subject.store.repositoryBlob(busybox, blob.digest)).toMatchObject({ size: blob.size });
        expect(await subject.store.repositoryBlob(alpine, blob.digest)).toBeUndefined();
        expect(await subject.store.blob(blob.digest)).toBeUndefined();
      }
    });

    it('comes with a confirmation by upstream, for that repository alone', async () => {
      await using subject = await fresh();
      await subject.store.putRepositoryBlob(busybox, unknown, 7);
      expect(await subject.store.repositoryBlob(busybox, unknown)).toEqual({
        size: 7,
        measured: true,
        confirmed: true,
      });
      expect(await subject.store.repositoryBlob(alpine, unknown)).toBeUndefined();
    });

    it('is told apart by whether upstream confirmed it or a manifest merely names it', async () => {
      await using subject = await fresh();
      const { digest, size } = image.config;
      await putImage(subject.store, busybox, image);
      expect(await subject.store.repositoryBlob(busybox, digest)).toEqual({
        size,
        measured: false,
        confirmed: false,
      });
      await subject.store.putRepositoryBlob(busybox, digest, size);
      await putImage(subject.store, busybox, image);
      expect(await subject.store.repositoryBlob(busybox, digest)).toEqual({
        size,
        measured: true,
        confirmed: true,
      });
    });

    it('is everybody’s where upstream confirmed it for a public repository, or for any of an open upstream', async () => {
      await using subject = await fresh();
      const { store } = subject;
      const { digest, size } = image.config;
      const { upstream } = busybox;
      await putImage(store, busybox, image);
      await store.putPublic(busybox, 5);
      expect(await store.isPublicBlob(digest, [upstream])).toBe(false);

      await store.putRepositoryBlob(alpine, digest, size);
      expect(await store.isPublicBlob(digest, [])).toBe(false);
      expect(await store.isPublicBlob(digest, [upstreamNamed('ghcr.io')])).toBe(false);
      expect(await store.isPublicBlob(digest, [upstreamNamed('ghcr.io'), upstream])).toBe(true);

      await store.putPublic(alpine, 5);
      expect(await store.isPublicBlob(digest, [])).toBe(true);
      await store.putPublic(alpine, undefined);
      expect(await store.isPublicBlob(digest, [])).toBe(false);
    });

    it('does not come with the bytes being here, nor go with them', async () => {
      await using subject = await fresh();
      await subject.store.putBlob(image.config.digest, image.config.size);
      expect(await subject.store.repositoryBlob(busybox, image.config.digest)).toBeUndefined();
      await putImage(subject.store, busybox, image);
      await subject.store.removeBlob(image.config.digest);
      expect(await subject.store.repositoryBlob(busybox, image.config.digest)).toMatchObject({
        size: image.config.size,
      });
    });

    it('states the size that upstream confirmed over the one a manifest claims, and the true one over both', async () => {
      await using subject = await fresh();
      const { digest } = image.config;
      await subject.store.putRepositoryBlob(busybox, digest, 11);
      await putImage(subject.store, busybox, image);
      expect(await subject.store.repositoryBlob(busybox, digest)).toMatchObject({ size: 11 });
      await subject.store.putBlob(digest, 12);
      expect(await subject.store.repositoryBlob(busybox, digest)).toMatchObject({ size: 12 });
    });

    it('says whether verified bytes have the size that it states, for each repository that may read them', async () => {
      await using subject = await fresh();
      const { digest } = image.config;
      await putImage(subject.store, busybox, image);
      expect(await subject.store.repositoryBlob(busybox, digest)).toMatchObject({ measured: false });
      await subject.store.putBlob(digest, 12);
      expect(await subject.store.repositoryBlob(busybox, digest)).toMatchObject({ size: 12, measured: true });
      await subject.store.removeBlob(digest);
      expect(await subject.store.repositoryBlob(busybox, digest)).toMatchObject({ size: 12 });
    });
  });

  describe('a blob', () => {
    it('is here from putBlob to removeBlob', async () => {
      await using subject = await fresh();
      expect(await subject.store.blob(unknown)).toBeUndefined();
      await subject.store.putBlob(unknown, 0);
      await subject.store.putBlob(unknown, 0);
      expect(await subject.store.blob(unknown)).toBe(0);
      expect(await subject.store.removeBlob(unknown)).toBe(true);
      expect(await subject.store.removeBlob(unknown)).toBe(false);
      expect(await subject.store.blob(unknown)).toBeUndefined();
    });
  });
}
