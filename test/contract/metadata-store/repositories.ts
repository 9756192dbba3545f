import { describe, expect, it } from 'vitest';
import { TestClock } from '../../support/test-clock.ts';
import {
  alpine,
  busybox,
  image,
  putImage,
  repositoryNamed,
  upstreamNamed,
  type MakeStore,
} from './subject.ts';

/** What holds for lists of repositories, and for those that are public. */
export function repositoriesContract(make: MakeStore): void {
  const fresh = () => make(new TestClock());

  describe('the list of repositories', () => {
    it('names those of the upstream that hold a manifest, in the order of bytes', async () => {
      await using subject = await fresh();
      for (const name of ['b', 'a/b', 'a-b', 'a'])
        await putImage(subject.store, repositoryNamed(name), image);
      await putImage(subject.store, repositoryNamed('elsewhere', 'ghcr.io'), image);
      await subject.store.putRepositoryBlob(repositoryNamed('only-a-blob'), image.config.digest, 1);
      expect(await subject.store.repositories(busybox.upstream)).toEqual(['a', 'a-b', 'a/b', 'b']);
      expect(await subject.store.repositories(upstreamNamed('quay.io'))).toEqual([]);
    });

    it('comes in pages', async () => {
      await using subject = await fresh();
      for (const name of ['a', 'b', 'c']) await putImage(subject.store, repositoryNamed(name), image);
      const page = (last: string | undefined, limit: number | undefined) =>
        subject.store.repositories(busybox.upstream, { last, limit });
      expect(await page(undefined, 2)).toEqual(['a', 'b']);
      expect(await page('b', 2)).toEqual(['c']);
      expect(await page('aa', undefined)).toEqual(['b', 'c']);
      expect(await page(undefined, 0)).toEqual([]);
    });
  });

  describe('a public repository', () => {
    it('is known to be one from its last confirmation until that is forgotten', async () => {
      await using subject = await fresh();
      expect(await subject.store.publicSince(busybox)).toBeUndefined();
      await subject.store.putPublic(busybox, 5);
      await subject.store.putPublic(busybox, 6);
      const store = await subject.reopen();
      expect(await store.publicSince(busybox)).toBe(6);
      expect(await store.publicSince(alpine)).toBeUndefined();
      await store.putPublic(busybox, undefined);
      await store.putPublic(alpine, undefined);
      expect(await store.publicSince(busybox)).toBeUndefined();
      expect(await store.publicSince(alpine)).toBeUndefined();
    });

    it('stays one when it is pulled from', async () => {
      await using subject = await fresh();
      await subject.store.putPublic(busybox, 5);
      await putImage(subject.store, busybox, image, 'latest');
      expect(await subject.store.publicSince(busybox)).toBe(5);
    });

    it('is listed, in pages, once it holds a manifest', async () => {
      await using subject = await fresh();
      const publicOnes = ['a', 'b', 'c', 'd'].map((name) => repositoryNamed(name));
      for (const repository of publicOnes) {
        await putImage(subject.store, repository, image);
        await subject.store.putPublic(repository, 1);
      }
      await putImage(subject.store, repositoryNamed('bb'), image);
      await subject.store.putPublic(repositoryNamed('empty'), 1);
      await subject.store.putPublic(repositoryNamed('c'), undefined);
      await putImage(subject.store, repositoryNamed('a', 'ghcr.io'), image);
      const { upstream } = busybox;
      expect(await subject.store.publicRepositories(upstream)).toEqual(['a', 'b', 'd']);
      expect(await subject.store.publicRepositories(upstream, { limit: 2 })).toEqual(['a', 'b']);
      expect(await subject.store.publicRepositories(upstream, { last: 'a', limit: 2 })).toEqual(['b', 'd']);
      expect(await subject.store.publicRepositories(upstreamNamed('ghcr.io'))).toEqual([]);
    });
  });
}
