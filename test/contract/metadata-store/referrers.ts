import { describe, expect, it } from 'vitest';
import { TestClock } from '../../support/test-clock.ts';
import {
  alpine,
  busybox,
  image,
  makeReferrer,
  other,
  putImage,
  repositoryNamed,
  unknown,
  type MakeStore,
} from './subject.ts';

/** What holds for lists of referrers, and for manifests that have a subject. */
export function referrersContract(make: MakeStore): void {
  const fresh = () => make(new TestClock());

  describe('a list of referrers', () => {
    const listed = [
      { mediaType: image.mediaType, digest: other.digest, size: 7 },
      {
        mediaType: image.mediaType,
        digest: unknown,
        size: 8,
        artifactType: 'application/spdx+json',
        annotations: { 'org.example.grüße': 'välue' },
      },
    ];

    it('is kept as it was put last, for its repository and subject alone, across a restart', async () => {
      await using subject = await fresh();
      await subject.store.putReferrers(busybox, image.digest, [], 1);
      expect(await subject.store.referrers(busybox, image.digest)).toEqual({ descriptors: [], checkedAt: 1 });
      await subject.store.putReferrers(busybox, image.digest, listed, 2);
      const store = await subject.reopen();
      expect(await store.referrers(busybox, image.digest)).toEqual({ descriptors: listed, checkedAt: 2 });
      expect(await store.referrers(alpine, image.digest)).toBeUndefined();
      expect(await store.referrers(busybox, other.digest)).toBeUndefined();
    });

    it('gives no right to what it names, and makes no repository of a name', async () => {
      await using subject = await fresh();
      await putImage(subject.store, alpine, other);
      await subject.store.putReferrers(busybox, image.digest, listed, 1);
      expect(await subject.store.manifest(busybox, other.digest)).toBeUndefined();
      expect(await subject.store.repositories(busybox.upstream)).toEqual([alpine.name]);
    });
  });

  describe('the manifests of a subject', () => {
    it('are those that the repository holds, whether it holds the subject or not', async () => {
      await using subject = await fresh();
      const signature = makeReferrer(image, 'signature');
      const sbom = makeReferrer(image, 'sbom');
      for (const referrer of [signature, sbom]) await putImage(subject.store, busybox, referrer);
      await putImage(subject.store, busybox, makeReferrer(other, 'of another'));
      await putImage(subject.store, alpine, makeReferrer(image, 'elsewhere'));
      const found = await subject.store.manifestsOfSubject(busybox, image.digest);
      const inOrder = [signature, sbom].toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
      expect(found).toEqual(
        inOrder.map(({ mediaType, digest, size, bytes }) => ({ mediaType, digest, size, bytes })),
      );
      expect(await subject.store.manifestsOfSubject(busybox, unknown)).toEqual([]);
      expect(await subject.store.manifestsOfSubject(repositoryNamed('no/such'), image.digest)).toEqual([]);
    });
  });
}
