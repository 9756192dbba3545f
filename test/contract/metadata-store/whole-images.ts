import { describe, expect, it } from 'vitest';
import { readManifest } from '../../../src/oci/manifest.ts';
import type { MetadataStore, PutOutcome, WholeImage } from '../../../src/store/metadata-store.ts';
import { makeImage, makeIndex, type Content, type Image } from '../../support/image.ts';
import { TestClock } from '../../support/test-clock.ts';
import { alpine, blobsOf, busybox, image, tagNamed, type MakeStore } from './subject.ts';

const other = makeImage({ seed: 2 });
const index = makeIndex([image, other]);
const latest = tagNamed('latest');

async function hold(store: MetadataStore, ...images: readonly Image[]): Promise<void> {
  for (const blob of images.flatMap((one) => blobsOf(one))) await store.putBlob(blob.digest, blob.size);
}

function put(
  store: MetadataStore,
  [root, ...others]: readonly [Content, ...Content[]],
  options: Partial<WholeImage> = {},
): Promise<PutOutcome> {
  return store.putImage(busybox, {
    manifests: [root, ...others].map((manifest) => ({ manifest, contents: readManifest(manifest.bytes) })),
    tag: { name: latest, digest: root.digest, checkedAt: 0, replaces: true },
    confirmed: [],
    pin: undefined,
    ...options,
  });
}

/** What holds for images that are stored at once. */
export function wholeImagesContract(make: MakeStore): void {
  const fresh = () => make(new TestClock());

  describe('a whole image', () => {
    it('is there at once, with its tag, its rights and its pin', async () => {
      await using subject = await fresh();
      const { store } = subject;
      await hold(store, image, other);
      const confirmed = [{ digest: image.config.digest, size: image.config.size }];

      const outcome = await put(store, [index, image, other], { confirmed, pin: 'busybox:latest' });

      expect(outcome).toEqual({
        missing: [],
        tagBefore: undefined,
        tagNow: { digest: index.digest, checkedAt: 0 },
      });
      for (const { digest, bytes } of [index, image, other]) {
        expect((await store.manifest(busybox, digest))?.bytes).toEqual(bytes);
        expect(await store.manifest(alpine, digest)).toBeUndefined();
      }
      expect(await store.tag(busybox, latest)).toEqual({ digest: index.digest, checkedAt: 0 });
      expect(await store.repositoryBlob(busybox, image.config.digest)).toMatchObject({ confirmed: true });
      expect(await store.repositoryBlob(busybox, other.config.digest)).toMatchObject({ confirmed: false });
      expect(await store.inventory.pins()).toMatchObject([{ pattern: 'busybox:latest' }]);
    });

    it('is not there at all while a blob of it is not', async () => {
      await using subject = await fresh();
      const { store } = subject;
      await hold(store, image);

      const { missing } = await put(store, [index, image, other], { pin: 'busybox:latest' });

      expect(new Set(missing)).toEqual(new Set(blobsOf(other).map(({ digest }) => digest)));
      for (const { digest } of [index, image, other]) {
        expect(await store.anyManifest(digest)).toBeUndefined();
      }
      expect(await store.tag(busybox, latest)).toBeUndefined();
      expect(await store.inventory.pins()).toEqual([]);
    });

    it('moves its tag off what upstream has confirmed only if it may', async () => {
      await using subject = await fresh();
      const { store } = subject;
      await hold(store, image, other);
      const confirmed = { digest: image.digest, checkedAt: 5 };
      await put(store, [image], { tag: { name: latest, ...confirmed, replaces: false } });

      const again = await put(store, [image]);
      expect(again).toMatchObject({ tagBefore: confirmed, tagNow: confirmed });

      const unconfirmed = { digest: other.digest, checkedAt: 0 };
      const kept = await put(store, [other], { tag: { name: latest, ...unconfirmed, replaces: false } });
      expect(kept).toMatchObject({ tagBefore: confirmed, tagNow: confirmed });
      expect(await store.tag(busybox, latest)).toEqual(confirmed);
      expect((await store.manifest(busybox, other.digest))?.bytes).toEqual(other.bytes);

      const moved = await put(store, [other], { tag: { name: latest, ...unconfirmed, replaces: true } });
      expect(moved).toMatchObject({ tagBefore: confirmed, tagNow: unconfirmed });
      expect(await store.tag(busybox, latest)).toEqual(unconfirmed);
    });
  });
}
