import { describe, expect, it } from 'vitest';
import { TestClock } from '../support/test-clock.ts';
import { absentTagsContract } from './metadata-store/absent-tags.ts';
import { blobsContract } from './metadata-store/blobs.ts';
import { condemnedContract } from './metadata-store/condemned.ts';
import { heedless } from './metadata-store/evicting.ts';
import { evictionModelContract } from './metadata-store/eviction-model.ts';
import { evictionOrderContract } from './metadata-store/eviction-order.ts';
import { expiryContract } from './metadata-store/expiry.ts';
import { foreignLinksContract } from './metadata-store/foreign-links.ts';
import { inventoryContract } from './metadata-store/inventory.ts';
import { manifestsContract } from './metadata-store/manifests.ts';
import { referrersContract } from './metadata-store/referrers.ts';
import { removalContract } from './metadata-store/removal.ts';
import { repositoriesContract } from './metadata-store/repositories.ts';
import { busybox, image, putImage, unknown, type MakeStore } from './metadata-store/subject.ts';
import { tagsContract } from './metadata-store/tags.ts';
import { wholeImagesContract } from './metadata-store/whole-images.ts';
import { upstreamsContract } from './metadata-store/upstreams.ts';

/** What every metadata store must do; `make` is called for each test. */
export function metadataStoreContract(make: MakeStore): void {
  const fresh = () => make(new TestClock());

  manifestsContract(make);
  tagsContract(make);
  wholeImagesContract(make);
  absentTagsContract(make);
  repositoriesContract(make);
  referrersContract(make);
  blobsContract(make);
  inventoryContract(make);
  expiryContract(make);
  evictionOrderContract(make);
  foreignLinksContract(make);
  removalContract(make);
  condemnedContract(make);
  evictionModelContract(make);
  upstreamsContract(make);

  describe('a store', () => {
    it('says that it can write', async () => {
      await using subject = await fresh();
      await expect(subject.store.check()).resolves.toBeUndefined();
      await expect(subject.store.check()).resolves.toBeUndefined();
    });

    it('rejects, and does not throw, once closed', async () => {
      await using subject = await fresh();
      await subject.store.close();
      await subject.store.close();
      subject.store.touch([unknown]);
      for (const refused of [
        () => subject.store.check(),
        () => subject.store.manifest(busybox, unknown),
        () => putImage(subject.store, busybox, image),
        () => subject.store.evictions.evict({ retention: heedless }),
        () => subject.store.evictions.usage(),
      ]) {
        await expect(refused()).rejects.toMatchObject({ name: 'StoreError', code: 'IO' });
      }
    });
  });
}
