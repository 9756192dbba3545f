import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/oci/digest.ts';
import type { Repository } from '../../../src/oci/reference.ts';
import type { ImageKey, Inventory, RepositoryUsage, StoredImage } from '../../../src/store/inventory.ts';
import type { MetadataStore } from '../../../src/store/metadata-store.ts';
import { makeArtifact } from '../../support/artifact.ts';
import { makeImage, makeIndex, type Image } from '../../support/image.ts';
import { TestClock } from '../../support/test-clock.ts';
import {
  alpine,
  blobsOf,
  busybox,
  image,
  makeReferrer,
  other,
  putImage,
  repositoryNamed,
  tagNamed,
  type MakeStore,
} from './subject.ts';

/** All images, asked for in pages of `limit`. */
async function allImages(inventory: Inventory, limit: number): Promise<readonly StoredImage[]> {
  const all: StoredImage[] = [];
  for (let after: ImageKey | undefined; ;) {
    const page = await inventory.images(after, limit);
    if (page.length > limit) throw new Error(`a page of ${page.length} images where ${limit} were asked for`);
    after = page.at(-1);
    if (after === undefined) return all;
    all.push(...page);
  }
}

async function allUsage(inventory: Inventory, limit: number): Promise<readonly RepositoryUsage[]> {
  const all: RepositoryUsage[] = [];
  for (let after: Repository | undefined; ;) {
    const page = await inventory.repositoryUsage(after, limit);
    after = page.at(-1)?.repository;
    if (after === undefined) return all;
    all.push(...page);
  }
}

async function hold(store: MetadataStore, ...images: readonly Image[]): Promise<void> {
  for (const blob of images.flatMap(blobsOf)) await store.putBlob(blob.digest, blob.size);
}

function sizeOf(...contents: readonly { readonly size: number }[]): number {
  return contents.reduce((sum, { size }) => sum + size, 0);
}

/** What holds for the lists of what is held. */
export function inventoryContract(make: MakeStore): void {
  const fresh = () => make(new TestClock());

  describe('the inventory', () => {
    it('lists images by upstream, repository and tag, and those without a tag after them, in pages of any size', async () => {
      await using subject = await fresh();
      const { store } = subject;
      const ghcr = repositoryNamed('library/alpine', 'ghcr.io');
      await putImage(store, ghcr, image, 'edge');
      await putImage(store, busybox, image, 'latest');
      await putImage(store, busybox, image, '1.36');
      await putImage(store, busybox, other);
      await putImage(store, alpine, other, 'latest');
      for (const limit of [1, 2, 100]) {
        const images = await allImages(store.inventory, limit);
        expect(images.map(({ repository, tag, digest }) => ({ repository, tag, digest }))).toEqual([
          { repository: alpine, tag: 'latest', digest: other.digest },
          { repository: busybox, tag: '1.36', digest: image.digest },
          { repository: busybox, tag: 'latest', digest: image.digest },
          { repository: busybox, tag: undefined, digest: other.digest },
          { repository: ghcr, tag: 'edge', digest: image.digest },
        ]);
      }
    });

    it('goes on after an image whose repository is gone', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image, 'latest');
      const gone = { repository: alpine, tag: tagNamed('x'), digest: image.digest };
      expect(await subject.store.inventory.images(gone, 10)).toMatchObject([{ repository: busybox }]);
    });

    it('tells an image’s size in held bytes, its uses, and whether all its blobs are held', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const { store } = subject;
      const createdAt = clock.now();
      await putImage(store, busybox, image, 'latest');
      await store.putBlob(image.config.digest, image.config.size);
      await clock.advance(5000);
      await putImage(store, busybox, image, 'latest');
      const expected = {
        repository: busybox,
        tag: 'latest',
        digest: image.digest,
        mediaType: image.mediaType,
        bytes: image.size + image.config.size,
        manifests: 1,
        lastUsedAt: createdAt + 5000,
        createdAt,
        complete: false,
      };
      expect(await store.inventory.images(undefined, 10)).toEqual([expected]);
      await hold(store, image);
      const bytes = image.size + sizeOf(...blobsOf(image));
      expect(await store.inventory.images(undefined, 10)).toEqual([{ ...expected, bytes, complete: true }]);
    });

    it('counts what belongs to an image with it and not by itself: held children, referrers and what is tagged after it', async () => {
      await using subject = await fresh();
      const { store } = subject;
      const absent = makeImage({ seed: 3 });
      const index = makeIndex([image, other, absent]);
      const referrer = makeReferrer(image, 'sbom');
      const signature = makeArtifact({ text: 'signature' });
      await putImage(store, busybox, index, 'latest');
      await putImage(store, busybox, image);
      await putImage(store, busybox, other);
      await putImage(store, busybox, referrer);
      await putImage(store, busybox, signature, `${index.digest.replace(':', '-')}.sig`);
      await hold(store, image, other);
      const [only, ...more] = await allImages(store.inventory, 100);
      expect(more).toEqual([]);
      expect(only).toMatchObject({ tag: 'latest', digest: index.digest, manifests: 5 });
      const blobs = new Map(
        [...blobsOf(image), ...blobsOf(other)].map(({ digest, size }) => [digest, { size }]),
      );
      const manifests = [index, image, other, referrer, signature];
      expect(only?.bytes).toBe(sizeOf(...manifests, ...blobs.values()));
    });

    it('leaves what belongs to an image in another repository an image of its own', async () => {
      await using subject = await fresh();
      const { store } = subject;
      await putImage(store, busybox, makeIndex([image]), 'latest');
      await putImage(store, alpine, image);
      await putImage(store, alpine, makeReferrer(other, 'sbom'), other.digest.replace(':', '-'));
      const images = await allImages(store.inventory, 100);
      expect(images).toMatchObject([
        { repository: alpine, tag: other.digest.replace(':', '-') },
        { repository: alpine, tag: undefined, digest: image.digest, manifests: 1 },
        { repository: busybox, tag: 'latest', manifests: 1 },
      ]);
    });

    it('tells what a repository takes, and what of it no other repository names', async () => {
      await using subject = await fresh();
      const { store } = subject;
      await putImage(store, alpine, other, 'latest');
      await putImage(store, busybox, image, 'one');
      await putImage(store, busybox, image, 'two');
      await putImage(store, busybox, other);
      await store.putRepositoryBlob(repositoryNamed('rights-only'), image.digest, 1);
      await hold(store, image, other);
      const shared = sizeOf(...blobsOf(other));
      const unique = sizeOf(...blobsOf(image));
      for (const limit of [1, 10]) {
        expect(await allUsage(store.inventory, limit)).toEqual([
          { repository: alpine, tags: 1, manifests: 1, bytes: shared, uniqueBytes: 0, sharedBytes: shared },
          {
            repository: busybox,
            tags: 2,
            manifests: 2,
            bytes: shared + unique,
            uniqueBytes: unique,
            sharedBytes: shared,
          },
        ]);
      }
    });

    it('lists blobs in order of digest, with their sizes', async () => {
      await using subject = await fresh();
      const { store } = subject;
      await hold(store, image, other);
      const all: { digest: Digest; size: number }[] = [];
      for (let after: Digest | undefined; ;) {
        const page = await store.inventory.blobs(after, 2);
        if (page.length === 0) break;
        all.push(...page);
        after = page.at(-1)?.digest;
      }
      const expected = [...blobsOf(image), ...blobsOf(other)].map(({ digest, size }) => ({ digest, size }));
      expect(all).toEqual(expected.toSorted((one, two) => (one.digest < two.digest ? -1 : 1)));
    });

    it('counts what is held', async () => {
      await using subject = await fresh();
      const { store } = subject;
      expect(await store.inventory.counts()).toEqual({ repositories: 0, tags: 0, manifests: 0, blobs: 0 });
      await putImage(store, busybox, image, 'one');
      await putImage(store, busybox, image, 'two');
      await putImage(store, alpine, other);
      await store.putRepositoryBlob(repositoryNamed('rights-only'), image.digest, 1);
      await hold(store, image);
      const blobs = blobsOf(image).length;
      expect(await store.inventory.counts()).toEqual({ repositories: 2, tags: 2, manifests: 2, blobs });
    });

    it('keeps pins until they are removed, in their order', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const { inventory } = subject.store;
      const createdAt = clock.now();
      await inventory.addPin('docker.io/library/node:*');
      await inventory.addPin('docker.io/library/*');
      await clock.advance(1000);
      await inventory.addPin('docker.io/library/node:*');
      const again = await subject.reopen();
      expect(await again.inventory.pins()).toEqual([
        { pattern: 'docker.io/library/*', createdAt },
        { pattern: 'docker.io/library/node:*', createdAt },
      ]);
      expect(await again.inventory.removePin('docker.io/library/*')).toBe(true);
      expect(await again.inventory.removePin('docker.io/library/*')).toBe(false);
      expect(await again.inventory.pins()).toMatchObject([{ pattern: 'docker.io/library/node:*' }]);
    });

    it('finds nothing wrong with a database that is intact', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image, 'latest');
      expect(await subject.store.inventory.integrity()).toEqual([]);
    });
  });

  describe('verification', () => {
    it('is due for what was verified the longest ago', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const { store } = subject;
      await hold(store, image);
      const [first, second, third] = blobsOf(image).map(({ digest }) => digest);
      if (first === undefined || second === undefined || third === undefined)
        throw new Error('too few blobs');
      const at = clock.now() + 10_000;
      await store.inventory.putVerified([second], at);
      await store.inventory.putVerified([first], at + 1);
      await store.inventory.putVerified([third], at + 2);
      const due = async (before: number, limit = 10): Promise<readonly Digest[]> =>
        (await store.inventory.dueForVerification(before, limit)).map(({ digest }) => digest);
      expect(await due(at)).toEqual([]);
      expect(await due(at + 2)).toEqual([second, first]);
      expect(await due(at + 3, 2)).toEqual([second, first]);
      expect(await due(at + 3)).toEqual([second, first, third]);
    });
  });
}
