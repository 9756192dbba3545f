import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { content } from '../../support/image.ts';
import { TestClock } from '../../support/test-clock.ts';
import { heedless } from './evicting.ts';
import {
  alpine,
  busybox,
  image,
  latest,
  makeReferrer,
  other,
  putImage,
  tagNamed,
  unknown,
  type MakeStore,
} from './subject.ts';

/** What holds for tags that upstream does not have. */
export function absentTagsContract(make: MakeStore): void {
  const fresh = () => make(new TestClock());
  const stem = image.digest.replace(':', '-');
  const names = [stem, `${stem}.sig`, `${stem}.att`, `${stem}.sbom`].map(tagNamed);
  const signature = tagNamed(`${stem}.sig`);

  describe('a tag that upstream does not have', () => {
    it('is known by its name, in its repository, across a restart, for all that belongs to a held manifest', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image);
      await putImage(subject.store, alpine, other);
      for (const name of names) expect(await subject.store.putAbsent(busybox, name, 7)).toBe(true);
      expect(await subject.store.putAbsent(busybox, signature, 8)).toBe(true);
      const store = await subject.reopen();
      expect(await store.absentSince(busybox, signature)).toBe(8);
      expect(await store.absentSince(busybox, tagNamed(stem))).toBe(7);
      expect(await store.absentSince(alpine, signature)).toBeUndefined();
      expect(await store.tags(busybox)).toEqual([]);
    });

    it('is not kept where the manifest that it is named after is not held, or it is named after none', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image);
      await putImage(subject.store, alpine, other);
      const others = [
        `${other.digest.replace(':', '-')}.sig`,
        `${unknown.replace(':', '-')}.sig`,
        `${stem}.other`,
        `${stem}.sig.sig`,
        `${stem}x`,
        `x${stem}`,
        'latest',
      ];
      for (const name of others.map(tagNamed)) {
        expect(await subject.store.putAbsent(busybox, name, 7)).toBe(false);
        expect(await subject.store.absentSince(busybox, name)).toBeUndefined();
      }
      expect(await subject.store.repositories(busybox.upstream)).toEqual([alpine.name, busybox.name]);
    });

    it('may be named after the beginning of a longer digest', async () => {
      await using subject = await fresh();
      const digest = digestOf(image.bytes, 'sha512');
      await putImage(subject.store, busybox, { ...content(image.bytes, image.mediaType), digest });
      const name = tagNamed(digest.replace(':', '-').slice(0, 71));
      expect(await subject.store.putAbsent(busybox, name, 7)).toBe(true);
      expect(await subject.store.absentSince(busybox, name)).toBe(7);
    });

    it('is forgotten together with the manifest that it is named after', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image, 'latest');
      await putImage(subject.store, alpine, image, 'latest');
      for (const repository of [busybox, alpine]) await subject.store.putAbsent(repository, signature, 7);
      await subject.store.evictions.remove(busybox, { tag: latest }, heedless);
      await putImage(subject.store, busybox, image, 'latest');
      expect(await subject.store.absentSince(busybox, signature)).toBeUndefined();
      expect(await subject.store.absentSince(alpine, signature)).toBe(7);
    });

    it('is forgotten once it is there', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image);
      await subject.store.putAbsent(busybox, signature, 7);
      await putImage(subject.store, busybox, makeReferrer(image, 'signature'), signature);
      expect(await subject.store.absentSince(busybox, signature)).toBeUndefined();
    });
  });
}
