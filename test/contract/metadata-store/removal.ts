import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/oci/digest.ts';
import type { ManifestReference } from '../../../src/oci/reference.ts';
import type { Retention } from '../../../src/store/evictions.ts';
import { makeImage, makeIndex } from '../../support/image.ts';
import { TestClock } from '../../support/test-clock.ts';
import { digestsOf, evictAll, heedless, putWhole, sizeOf } from './evicting.ts';
import {
  alpine,
  blobsOf,
  busybox,
  image,
  latest,
  makeReferrer,
  other,
  putImage,
  repositoryNamed,
  tagNamed,
  unknown,
  type MakeStore,
} from './subject.ts';

/** What removal on demand takes, and what it leaves. */
export function removalContract(make: MakeStore): void {
  const fresh = () => make(new TestClock());

  describe('removal by tag', () => {
    it('takes the tag and its image with all that belongs to it alone, pinned or not', async () => {
      await using subject = await fresh();
      const { store } = subject;
      const index = makeIndex([image]);
      const signature = makeReferrer(image, 'signature');
      await putWhole(store, busybox, image);
      await putImage(store, busybox, signature);
      await putImage(store, busybox, index, 'latest');
      await putWhole(store, alpine, other, 'latest');
      const retention: Retention = { ...heedless, isPinned: () => true };
      const eviction = await store.evictions.remove(busybox, { tag: latest }, retention);
      expect(eviction).toMatchObject({
        images: [
          { repository: busybox, digest: index.digest, tags: ['latest'], bytes: sizeOf(blobsOf(image)) },
        ],
        tags: [{ repository: busybox, tag: 'latest' }],
        bytes: sizeOf(blobsOf(image)),
        done: true,
      });
      const gone = eviction?.manifests.map(({ digest }) => digest);
      expect(new Set(gone)).toEqual(digestsOf([image, index, signature]));
      expect(new Set(eviction?.blobs)).toEqual(digestsOf(blobsOf(image)));
      expect(await store.repositories(busybox.upstream)).toEqual([alpine.name]);
      expect(await store.evictions.condemned(9)).toHaveLength(3);
    });

    it('takes nothing but the tag while another tag, an index or a subject holds the image', async () => {
      await using subject = await fresh();
      const { store } = subject;
      const signature = makeReferrer(image, 'signature');
      await putWhole(store, busybox, image, 'latest');
      await putImage(store, busybox, image, 'one');
      await putImage(store, busybox, makeIndex([image]));
      await putImage(store, busybox, signature, 'two');
      for (const name of ['latest', 'one', 'two']) {
        const tag = tagNamed(name);
        expect(await store.evictions.remove(busybox, { tag }, heedless)).toMatchObject({
          images: [],
          manifests: [],
          tags: [{ repository: busybox, tag }],
          bytes: 0,
        });
      }
      expect(await store.tags(busybox)).toEqual([]);
      for (const { digest } of [image, signature]) {
        expect(await store.manifest(busybox, digest)).toBeDefined();
      }
    });

    it('leaves a child that has a tag of its own, with its blobs', async () => {
      await using subject = await fresh();
      const { store } = subject;
      await putWhole(store, busybox, image, 'amd64');
      await putWhole(store, busybox, other);
      await putImage(store, busybox, makeIndex([image, other]), 'latest');
      const eviction = await store.evictions.remove(busybox, { tag: latest }, heedless);
      expect(new Set(eviction?.blobs)).toEqual(digestsOf(blobsOf(other)));
      expect(await store.tags(busybox)).toEqual(['amd64']);
      expect(await store.blob(image.config.digest)).toBe(image.config.size);
    });

    it('takes what is tagged after the digest of the image', async () => {
      await using subject = await fresh();
      const { store } = subject;
      await putWhole(store, busybox, image, 'latest');
      await putWhole(store, busybox, other, `${image.digest.replace(':', '-')}.sig`);
      const eviction = await store.evictions.remove(busybox, { tag: latest }, heedless);
      expect(new Set(eviction?.blobs)).toEqual(digestsOf([...blobsOf(image), ...blobsOf(other)]));
      expect(await store.tags(busybox)).toEqual([]);
    });

    it('leaves the image to other repositories that hold it', async () => {
      await using subject = await fresh();
      const { store } = subject;
      await putWhole(store, busybox, image, 'latest');
      await putImage(store, alpine, image, 'latest');
      const eviction = await store.evictions.remove(busybox, { tag: latest }, heedless);
      expect(eviction).toMatchObject({ manifests: [{ repository: busybox }], blobs: [], bytes: 0 });
      expect(await store.repositoryBlob(busybox, image.config.digest)).toBeUndefined();
      expect(await store.repositoryBlob(alpine, image.config.digest)).toBeDefined();
      expect(await store.tag(alpine, latest)).toBeDefined();
    });
  });

  describe('removal by digest', () => {
    it('takes the manifest with its tags in that repository, whatever holds it', async () => {
      await using subject = await fresh();
      const { store } = subject;
      const index = makeIndex([image]);
      await putWhole(store, busybox, image, 'one');
      await putImage(store, busybox, image, 'two');
      await putImage(store, busybox, index, 'latest');
      const eviction = await store.evictions.remove(busybox, { digest: image.digest }, heedless);
      expect(eviction?.tags.map(({ tag }) => tag)).toEqual(['one', 'two']);
      expect(new Set(eviction?.blobs)).toEqual(digestsOf(blobsOf(image)));
      expect(await store.tags(busybox)).toEqual(['latest']);
      expect(await store.manifest(busybox, index.digest)).toBeDefined();
    });

    it('leaves blobs in use, as ones that no manifest names', async () => {
      await using subject = await fresh();
      const { store } = subject;
      await putWhole(store, busybox, image);
      const retention: Retention = { ...heedless, isInUse: (blob) => blob === image.config.digest };
      const eviction = await store.evictions.remove(busybox, { digest: image.digest }, retention);
      expect(new Set(eviction?.blobs)).toEqual(digestsOf(image.layers));
      expect(await store.blob(image.config.digest)).toBe(image.config.size);
      expect((await evictAll(store)).blobs).toEqual([image.config.digest]);
    });
  });

  describe('what a removal affects', () => {
    it('is a manifest, what that belongs to and what would go with it, but not what stays', async () => {
      await using subject = await fresh();
      const { store } = subject;
      const index = makeIndex([image, other]);
      const [ofImage, ofIndex] = [makeReferrer(image, 'one'), makeReferrer(index, 'two')];
      for (const each of [ofImage, ofIndex]) await putImage(store, busybox, each);
      await putImage(store, busybox, image);
      await putImage(store, busybox, other, 'amd64');
      await putImage(store, busybox, index, 'latest');
      await putImage(store, alpine, index, 'edge');
      const affected = async (reference: ManifestReference) =>
        new Map(
          (await store.evictions.affected(busybox, reference)).map(({ digest, tags }) => [digest, tags]),
        );
      const all = new Map<Digest, readonly string[]>([
        [index.digest, ['latest']],
        [image.digest, []],
        [ofImage.digest, []],
        [ofIndex.digest, []],
      ]);
      expect(await affected({ tag: latest })).toEqual(all);
      expect(await affected({ digest: index.digest })).toEqual(all);
      all.delete(ofIndex.digest);
      expect(await affected({ digest: ofImage.digest })).toEqual(all);
      expect(await affected({ digest: image.digest })).toEqual(all);
      expect(await affected({ tag: tagNamed('amd64') })).toEqual(new Map([[other.digest, ['amd64']]]));
    });

    it('is the image that a tag is named after, and nothing for what is not held', async () => {
      await using subject = await fresh();
      const { store } = subject;
      const companion = tagNamed(`${image.digest.replace(':', '-')}.sig`);
      await putImage(store, busybox, image, 'latest');
      await putImage(store, busybox, other, companion);
      expect(await store.evictions.affected(busybox, { tag: companion })).toEqual([
        { digest: other.digest, tags: [companion] },
        { digest: image.digest, tags: ['latest'] },
      ]);
      expect(await store.evictions.affected(busybox, { tag: tagNamed('no') })).toEqual([]);
      expect(await store.evictions.affected(busybox, { digest: unknown })).toEqual([]);
      expect(await store.evictions.affected(alpine, { digest: image.digest })).toEqual([]);
    });
  });

  it('removes nothing that the repository does not hold', async () => {
    await using subject = await fresh();
    const { evictions } = subject.store;
    await putImage(subject.store, busybox, image, 'latest');
    expect(await evictions.remove(busybox, { tag: tagNamed('no') }, heedless)).toBeUndefined();
    expect(await evictions.remove(busybox, { digest: unknown }, heedless)).toBeUndefined();
    expect(await evictions.remove(alpine, { digest: image.digest }, heedless)).toBeUndefined();
    expect(await evictions.remove(repositoryNamed('no'), { tag: latest }, heedless)).toBeUndefined();
    expect(await subject.store.tag(busybox, latest)).toBeDefined();
  });

  it('removes an image that shares blobs without them', async () => {
    await using subject = await fresh();
    const { store } = subject;
    const big = makeImage({ seed: 1, layers: 3 });
    await putWhole(store, busybox, image, 'latest');
    await putWhole(store, busybox, big);
    const eviction = await store.evictions.remove(busybox, { tag: latest }, heedless);
    expect(eviction?.blobs).toEqual([image.config.digest]);
    expect(eviction?.rights).toEqual([{ repository: busybox, digest: image.config.digest }]);
    for (const layer of image.layers) expect(await store.repositoryBlob(busybox, layer.digest)).toBeDefined();
  });
}
