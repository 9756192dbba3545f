import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/oci/digest.ts';
import type { Retention } from '../../../src/store/evictions.ts';
import { makeArtifactIndex, type Artifact } from '../../support/artifact.ts';
import { makeImage, makeIndex, type Content } from '../../support/image.ts';
import { TestClock } from '../../support/test-clock.ts';
import { digestsOf, evictAll, expire, heedless, putWhole } from './evicting.ts';
import {
  busybox,
  latest,
  makeReferrer,
  putImage,
  repositoryNamed,
  tagNamed,
  type MakeStore,
} from './subject.ts';

const [first, second, third] = [makeImage({ seed: 21 }), makeImage({ seed: 22 }), makeImage({ seed: 23 })];
const keepsFirst: Retention = {
  ...heedless,
  isPinned: ({ upstream, name }, tags) =>
    upstream === busybox.upstream && name === busybox.name && tags.includes(latest),
};
/** Of the second image, and lists the first. */
const between = makeArtifactIndex([first], { subject: second });

const namedAfter = ({ digest }: Content) => digest.replace(':', '-');

/**
 * Anybody may write a manifest that names anybody's digests: only a repository that holds both ends vouches
 * for a link.
 */
export function foreignLinksContract(make: MakeStore): void {
  describe.each([
    ['another repository', repositoryNamed('x/evil')],
    ['the same repository of another upstream', repositoryNamed(busybox.name, 'ghcr.io')],
  ])('what a manifest in %s says of an image', (_, elsewhere) => {
    it.each<[string, Content]>([
      ['refers to', makeReferrer(first, 'elsewhere')],
      ['lists', makeIndex([first])],
      ['refers to an unheld child of', makeReferrer(third, 'elsewhere')],
    ])('does not keep what %s a pinned one or one in use', async (_how, foreign) => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const { store } = subject;
      await putWhole(store, busybox, first);
      await putImage(store, busybox, makeIndex([first, third]), 'latest');
      await putImage(store, elsewhere, foreign, 'latest');
      const { digest } = foreign;
      await clock.advance(60_000);
      store.touch([first.digest]);
      await expire(store, clock.now());
      expect(await store.manifest(elsewhere, digest)).toBeUndefined();
      expect(await store.manifest(busybox, first.digest)).toBeDefined();

      await putImage(store, elsewhere, foreign, 'latest');
      const { images } = await evictAll(store, { retention: keepsFirst });
      expect(images).toMatchObject([{ repository: elsewhere, digest, tags: ['latest'] }]);
      expect(await store.tag(busybox, latest)).toBeDefined();
    });

    it('counts neither as a use of the image, nor of two as one image', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const { store } = subject;
      await putWhole(store, busybox, first);
      await putWhole(store, busybox, second);
      await putWhole(store, busybox, third);
      await putImage(store, elsewhere, between, 'latest');
      await clock.advance(1000);
      store.touch([between.digest]);
      await clock.advance(60_000);
      store.touch([second.digest]);
      const order = [first, third, between, second].map(({ digest }) => digest);
      const planned = await Array.fromAsync(store.evictions.plan({ retention: heedless }));
      expect(planned.map(({ digest }) => digest)).toEqual(order);
      const within = await Array.fromAsync(store.evictions.plan({ retention: heedless, scope: busybox }));
      expect(within.map(({ digest }) => digest)).toEqual(order.filter((each) => each !== between.digest));
      expect((await evictAll(store)).images.map(({ digest }) => digest)).toEqual(order);
    });

    it('makes no removal take more, or less', async () => {
      await using subject = await make(new TestClock());
      const { store } = subject;
      await putWhole(store, busybox, first);
      await putWhole(store, busybox, second, 'latest');
      await putImage(store, elsewhere, between);
      expect(await store.evictions.affected(busybox, { tag: latest })).toEqual([
        { digest: second.digest, tags: ['latest'] },
      ]);
      const eviction = await store.evictions.remove(busybox, { tag: latest }, heedless);
      expect(eviction?.manifests).toEqual([{ repository: busybox, digest: second.digest }]);
      expect(await store.manifest(busybox, first.digest)).toBeDefined();
    });

    it.each(['', '.sig'])(
      'by a tag that ends in “%s” makes no removal take more, or less',
      async (suffix) => {
        await using subject = await make(new TestClock());
        const { store } = subject;
        await putWhole(store, busybox, first);
        await putWhole(store, busybox, second, 'latest');
        await putImage(store, elsewhere, second);
        await putImage(store, elsewhere, first, `${namedAfter(second)}${suffix}`);
        await putImage(store, elsewhere, second, `${namedAfter(first)}${suffix}`);
        expect(await store.evictions.affected(busybox, { tag: latest })).toEqual([
          { digest: second.digest, tags: ['latest'] },
        ]);
        const eviction = await store.evictions.remove(busybox, { tag: latest }, heedless);
        expect(eviction?.manifests).toEqual([{ repository: busybox, digest: second.digest }]);
        expect(await store.manifest(busybox, first.digest)).toBeDefined();
      },
    );

    it('leaves an image what it is in its own repository, in the inventory, too', async () => {
      await using subject = await make(new TestClock());
      const { store } = subject;
      await putImage(store, busybox, first);
      await putImage(store, busybox, second, 'latest');
      await putImage(store, elsewhere, second);
      await putImage(store, elsewhere, first, namedAfter(second));
      const images = await store.inventory.images(undefined, 10);
      const own = images.filter(({ repository }) => repository.upstream === busybox.upstream);
      const ofBusybox = own.filter(({ repository }) => repository.name === busybox.name);
      expect(ofBusybox.map(({ digest, manifests }) => ({ digest, manifests }))).toEqual([
        { digest: second.digest, manifests: 1 },
        { digest: first.digest, manifests: 1 },
      ]);
    });
  });

  describe('what a repository holds both ends of', () => {
    it.each<[string, Content | Artifact]>([
      ['a referrer', makeReferrer(first, 'own')],
      ['a referrer of a child that is not held', makeReferrer(third, 'own')],
    ])('belongs together: %s stays with its image, whoever else holds it', async (_, referrer) => {
      await using subject = await make(new TestClock());
      const { store } = subject;
      await putImage(store, repositoryNamed('x/copy'), referrer);
      await putImage(store, busybox, referrer);
      await putImage(store, repositoryNamed('x/copy'), third);
      await putImage(store, busybox, first);
      await putImage(store, busybox, makeIndex([first, third]), 'latest');
      const gone = await evictAll(store, { retention: keepsFirst });
      expect(gone.manifests.map(({ digest }) => digest)).not.toContain(referrer.digest);
      const eviction = await store.evictions.remove(busybox, { tag: tagNamed('latest') }, heedless);
      const taken: Digest[] = eviction?.manifests.map(({ digest }) => digest) ?? [];
      expect(new Set(taken)).toEqual(digestsOf([first, makeIndex([first, third]), referrer]));
    });
  });
}
