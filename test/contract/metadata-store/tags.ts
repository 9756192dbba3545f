import { describe, expect, it } from 'vitest';
import { TestClock } from '../../support/test-clock.ts';
import {
  alpine,
  busybox,
  image,
  latest,
  other,
  putImage,
  repositoryNamed,
  tagNamed,
  unknown,
  type MakeStore,
} from './subject.ts';

/** What holds for tags. */
export function tagsContract(make: MakeStore): void {
  const fresh = () => make(new TestClock());

  describe('a tag', () => {
    it('is what the manifest was stored with', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image, 'latest');
      expect(await subject.store.tag(busybox, latest)).toEqual({ digest: image.digest, checkedAt: 1 });
      expect(await subject.store.tag(busybox, tagNamed('other'))).toBeUndefined();
      expect(await subject.store.tag(alpine, latest)).toBeUndefined();
    });

    it('moves to another manifest of the repository, and is marked as checked', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image, 'latest');
      await putImage(subject.store, busybox, other);
      const record = { digest: other.digest, checkedAt: 99 };
      expect(await subject.store.putTag(busybox, latest, record)).toBe(true);
      expect(await subject.store.tag(busybox, latest)).toEqual(record);
    });

    it('never points to a manifest that the repository does not hold', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image, 'latest');
      await putImage(subject.store, alpine, other);
      for (const digest of [other.digest, unknown]) {
        expect(await subject.store.putTag(busybox, latest, { digest, checkedAt: 9 })).toBe(false);
      }
      expect(
        await subject.store.putTag(repositoryNamed('no/such'), latest, { digest: unknown, checkedAt: 9 }),
      ).toBe(false);
      expect(await subject.store.tag(busybox, latest)).toEqual({ digest: image.digest, checkedAt: 1 });
    });

    it('can be forgotten, once', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image, 'latest');
      expect(await subject.store.removeTag(busybox, latest)).toBe(true);
      expect(await subject.store.removeTag(busybox, latest)).toBe(false);
      expect(await subject.store.tag(busybox, latest)).toBeUndefined();
      expect(await subject.store.manifest(busybox, image.digest)).toBeDefined();
    });

    it('is listed in the order of bytes', async () => {
      await using subject = await fresh();
      const names = ['latest', '1.10', '1.9', 'Zeta', '_x', 'alpha', '1'];
      for (const name of names) await putImage(subject.store, busybox, image, name);
      await putImage(subject.store, alpine, image, 'elsewhere');
      expect(await subject.store.tags(busybox)).toEqual([
        '1',
        '1.10',
        '1.9',
        'Zeta',
        '_x',
        'alpha',
        'latest',
      ]);
      expect(await subject.store.tags(repositoryNamed('no/such'))).toEqual([]);
    });
  });
}
