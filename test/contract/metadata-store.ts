import { describe, expect, it } from 'vitest';
import { digestOf, type Digest } from '../../src/oci/digest.ts';
import {
  readManifest,
  type Descriptor,
  type Manifest,
  type ManifestContents,
} from '../../src/oci/manifest.ts';
import {
  parseRepositoryName,
  parseTag,
  parseUpstreamName,
  type Repository,
  type Tag,
  type UpstreamName,
} from '../../src/oci/reference.ts';
import type { MetadataStore } from '../../src/store/metadata-store.ts';
import { makeArtifact, type Artifact } from '../support/artifact.ts';
import { makeImage, makeIndex, type Content, type Image } from '../support/image.ts';
import { TestClock } from '../support/test-clock.ts';

/** A store to try, empty at first. */
export interface MetadataStoreUnderTest extends AsyncDisposable {
  readonly store: MetadataStore;
  /** Closes it and opens the same data anew. */
  reopen(): Promise<MetadataStore>;
}

function parsed<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('the test names something that does not parse');
  return value;
}

export function upstreamNamed(name: string): UpstreamName {
  return parsed(parseUpstreamName(name));
}

export function repositoryNamed(name: string, upstream = 'docker.io'): Repository {
  return { upstream: upstreamNamed(upstream), name: parsed(parseRepositoryName(name)) };
}

export function tagNamed(name: string): Tag {
  return parsed(parseTag(name));
}

/** Stores an image's manifest, or an index, as the mirror does. */
export function putImage(
  store: MetadataStore,
  repository: Repository,
  { mediaType, digest, size, bytes }: Content,
  tag?: string,
): Promise<void> {
  const manifest: Manifest = { mediaType, digest, size, bytes };
  const record = tag === undefined ? undefined : { name: tagNamed(tag), checkedAt: 1 };
  return store.putManifest(repository, manifest, readManifest(bytes), record);
}

/** A manifest that refers to `subject`; different texts make different ones. */
function makeReferrer(subject: Descriptor, text: string): Artifact {
  return makeArtifact({ text, subject });
}

function blobsOf(image: Image): readonly Content[] {
  return [image.config, ...image.layers];
}

const busybox = repositoryNamed('library/busybox');
const alpine = repositoryNamed('library/alpine');
const latest = tagNamed('latest');
const image = makeImage({ seed: 1 });
const other = makeImage({ seed: 2 });
const unknown = digestOf(Buffer.from('nobody has this'));

/** What every metadata store must do; `make` gives a fresh, empty one on that clock for each test. */
export function metadataStoreContract(make: (clock: TestClock) => Promise<MetadataStoreUnderTest>): void {
  const fresh = () => make(new TestClock());

  describe('a manifest', () => {
    it('comes back byte for byte, in the repository that it was stored for and in no other', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image);
      expect(await subject.store.manifest(busybox, image.digest)).toEqual({
        mediaType: image.mediaType,
        digest: image.digest,
        size: image.bytes.length,
        bytes: image.bytes,
      });
      expect(await subject.store.manifest(alpine, image.digest)).toBeUndefined();
      expect(
        await subject.store.manifest(repositoryNamed('library/busybox', 'ghcr.io'), image.digest),
      ).toBeUndefined();
      expect(await subject.store.manifest(busybox, unknown)).toBeUndefined();
    });

    it('may be stored again, and for a second repository', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image);
      await putImage(subject.store, busybox, image);
      await putImage(subject.store, alpine, image);
      for (const repository of [busybox, alpine]) {
        expect((await subject.store.manifest(repository, image.digest))?.bytes).toEqual(image.bytes);
        expect(await subject.store.repositoryBlob(repository, image.config.digest)).toMatchObject({
          size: image.config.size,
        });
      }
    });

    it('can be found whoever holds it, which gives nobody a right to it', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image);
      expect((await subject.store.anyManifest(image.digest))?.bytes).toEqual(image.bytes);
      expect(await subject.store.anyManifest(unknown)).toBeUndefined();
      expect(await subject.store.manifest(alpine, image.digest)).toBeUndefined();
    });

    it('keeps its tag, blobs and bytes across a restart', async () => {
      await using subject = await fresh();
      await putImage(subject.store, busybox, image, 'latest');
      await subject.store.putBlob(image.config.digest, image.config.size);
      const store = await subject.reopen();
      expect((await store.manifest(busybox, image.digest))?.bytes).toEqual(image.bytes);
      expect(await store.tag(busybox, latest)).toEqual({ digest: image.digest, checkedAt: 1 });
      expect(await store.blob(image.config.digest)).toBe(image.config.size);
    });
  });

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
      expect(await subject.store.repositoryBlob(busybox, unknown)).toEqual({ size: 7, confirmed: true });
      expect(await subject.store.repositoryBlob(alpine, unknown)).toBeUndefined();
    });

    it('is told apart by whether upstream confirmed it or a manifest merely names it', async () => {
      await using subject = await fresh();
      const { digest, size } = image.config;
      await putImage(subject.store, busybox, image);
      expect(await subject.store.repositoryBlob(busybox, digest)).toEqual({ size, confirmed: false });
      await subject.store.putRepositoryBlob(busybox, digest, size);
      await putImage(subject.store, busybox, image);
      expect(await subject.store.repositoryBlob(busybox, digest)).toEqual({ size, confirmed: true });
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

  describe('expiry', () => {
    const day = 86_400_000;

    async function putWithBlobs(store: MetadataStore, repository: Repository, stored: Image, tag?: string) {
      await putImage(store, repository, stored, tag);
      for (const { digest, size } of blobsOf(stored)) await store.putBlob(digest, size);
    }

    function digestsOf(contents: readonly Content[]): Set<Digest> {
      return new Set(contents.map(({ digest }) => digest));
    }

    async function expired(store: MetadataStore, before: number): Promise<Set<Digest>> {
      const digests = await store.expire(before);
      const distinct = new Set(digests);
      expect(distinct.size).toBe(digests.length);
      return distinct;
    }

    it('forgets an unused image with its tags, blobs and rights, and names the blobs', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await putWithBlobs(subject.store, busybox, image, 'latest');
      await clock.advance(day);
      expect(await expired(subject.store, clock.now())).toEqual(digestsOf(blobsOf(image)));
      expect(await subject.store.manifest(busybox, image.digest)).toBeUndefined();
      expect(await subject.store.tag(busybox, latest)).toBeUndefined();
      expect(await subject.store.tags(busybox)).toEqual([]);
      expect(await subject.store.repositories(busybox.upstream)).toEqual([]);
      for (const { digest } of blobsOf(image)) {
        expect(await subject.store.blob(digest)).toBeUndefined();
        expect(await subject.store.repositoryBlob(busybox, digest)).toBeUndefined();
      }
      expect(await subject.store.expire(clock.now())).toEqual([]);
    });

    it('keeps what was used at the very moment or later', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await putWithBlobs(subject.store, busybox, image, 'latest');
      expect(await subject.store.expire(clock.now())).toEqual([]);
      expect(await subject.store.tag(busybox, latest)).toBeDefined();
    });

    it('counts a use that is still in memory', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await putWithBlobs(subject.store, busybox, image, 'latest');
      await putWithBlobs(subject.store, busybox, other);
      await clock.advance(day);
      subject.store.touch([image.digest]);
      expect(await expired(subject.store, clock.now())).toEqual(digestsOf(blobsOf(other)));
      expect(await subject.store.manifest(busybox, other.digest)).toBeUndefined();
      expect((await subject.store.manifest(busybox, image.digest))?.bytes).toEqual(image.bytes);
      expect(await subject.store.tag(busybox, latest)).toBeDefined();
      for (const { digest } of blobsOf(image)) expect(await subject.store.blob(digest)).toBeDefined();
    });

    it('counts a use from before a restart', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await putWithBlobs(subject.store, busybox, image);
      await clock.advance(day);
      subject.store.touch([image.digest]);
      const store = await subject.reopen();
      expect(await store.expire(clock.now())).toEqual([]);
      expect(await store.manifest(busybox, image.digest)).toBeDefined();
    });

    it('counts storing again as a use', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await putWithBlobs(subject.store, busybox, image);
      await clock.advance(day);
      await putImage(subject.store, busybox, image);
      expect(await subject.store.expire(clock.now())).toEqual([]);
    });

    it('has no memory: what it forgot may be stored again, and then stays as anything else', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await putWithBlobs(subject.store, busybox, image, 'latest');
      await clock.advance(day);
      await subject.store.expire(clock.now());
      await putWithBlobs(subject.store, busybox, image, 'latest');
      expect(await subject.store.expire(clock.now())).toEqual([]);
      expect(await subject.store.tag(busybox, latest)).toBeDefined();
    });

    it('keeps a blob that images share until the last of them goes', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const shared: ManifestContents = { ...readManifest(other.bytes), blobs: image.layers };
      await putWithBlobs(subject.store, busybox, image);
      await subject.store.putManifest(alpine, other, shared);
      await clock.advance(day);
      subject.store.touch([other.digest]);
      expect(await expired(subject.store, clock.now())).toEqual(digestsOf([image.config]));
      for (const { digest, size } of image.layers) {
        expect(await subject.store.blob(digest)).toBe(size);
        expect(await subject.store.repositoryBlob(alpine, digest)).toMatchObject({ size: size });
        expect(await subject.store.repositoryBlob(busybox, digest)).toBeUndefined();
      }
      await clock.advance(day);
      expect(await expired(subject.store, clock.now())).toEqual(digestsOf(image.layers));
    });

    it('leaves a repository the right to a blob that another manifest of it names', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await putWithBlobs(subject.store, busybox, image);
      await subject.store.putManifest(busybox, other, { ...readManifest(other.bytes), blobs: image.layers });
      await clock.advance(day);
      subject.store.touch([other.digest]);
      await subject.store.expire(clock.now());
      expect(await subject.store.manifest(busybox, image.digest)).toBeUndefined();
      for (const { digest, size } of image.layers) {
        expect(await subject.store.repositoryBlob(busybox, digest)).toMatchObject({ size: size });
      }
    });

    it('keeps the children of an index that is used, and their blobs, through indexes of indexes', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const inner = makeIndex([image]);
      const outer = makeIndex([{ ...image, ...inner }]);
      await putWithBlobs(subject.store, busybox, image);
      await putWithBlobs(subject.store, busybox, other);
      await putImage(subject.store, busybox, inner);
      await putImage(subject.store, busybox, outer, 'latest');
      await clock.advance(day);
      subject.store.touch([outer.digest]);
      expect(await expired(subject.store, clock.now())).toEqual(digestsOf(blobsOf(other)));
      for (const { digest } of [outer, inner, image]) {
        expect(await subject.store.manifest(busybox, digest)).toBeDefined();
      }
      await clock.advance(day);
      expect(await expired(subject.store, clock.now())).toEqual(digestsOf(blobsOf(image)));
      expect(await subject.store.manifest(busybox, image.digest)).toBeUndefined();
    });

    it('forgets an index that nobody uses, and keeps the child that somebody does', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      const index = makeIndex([image, other]);
      await putWithBlobs(subject.store, busybox, image);
      await putWithBlobs(subject.store, busybox, other);
      await putImage(subject.store, busybox, index, 'latest');
      await clock.advance(day);
      subject.store.touch([image.digest]);
      expect(await expired(subject.store, clock.now())).toEqual(digestsOf(blobsOf(other)));
      expect(await subject.store.manifest(busybox, index.digest)).toBeUndefined();
      expect(await subject.store.tag(busybox, latest)).toBeUndefined();
      expect(await subject.store.manifest(busybox, image.digest)).toBeDefined();
    });

    describe('of what belongs to a manifest', () => {
      const hex = image.digest.slice('sha256:'.length);
      const signature = makeReferrer(image, 'signature');

      it('keeps what refers to a manifest that is used, and what refers to that, with their blobs', async () => {
        const clock = new TestClock();
        await using subject = await make(clock);
        const countersignature = makeReferrer(signature, 'countersignature');
        await putWithBlobs(subject.store, busybox, image);
        await putImage(subject.store, busybox, signature);
        for (const { digest, size } of signature.blobs) await subject.store.putBlob(digest, size);
        await putImage(subject.store, busybox, countersignature);
        await clock.advance(day);
        subject.store.touch([image.digest]);
        expect(await subject.store.expire(clock.now())).toEqual([]);
        for (const { digest } of [image, signature, countersignature]) {
          expect(await subject.store.manifest(busybox, digest)).toBeDefined();
        }
        for (const { digest, size } of signature.blobs) {
          expect(await subject.store.blob(digest)).toBe(size);
          expect(await subject.store.repositoryBlob(busybox, digest)).toMatchObject({ size: size });
        }
      });

      it('keeps what refers to a child of an index that is used', async () => {
        const clock = new TestClock();
        await using subject = await make(clock);
        const index = makeIndex([image]);
        await putImage(subject.store, busybox, index, 'latest');
        await putImage(subject.store, busybox, signature);
        await clock.advance(day);
        subject.store.touch([index.digest]);
        await subject.store.expire(clock.now());
        expect(await subject.store.manifest(busybox, signature.digest)).toBeDefined();
      });

      it('forgets it with the manifest', async () => {
        const clock = new TestClock();
        await using subject = await make(clock);
        await putWithBlobs(subject.store, busybox, image);
        await putImage(subject.store, busybox, signature, `sha256-${hex}.sig`);
        for (const { digest, size } of signature.blobs) await subject.store.putBlob(digest, size);
        await clock.advance(day);
        const blobs = [...blobsOf(image), ...signature.blobs];
        expect(await expired(subject.store, clock.now())).toEqual(digestsOf(blobs));
        expect(await subject.store.manifest(busybox, signature.digest)).toBeUndefined();
        expect(await subject.store.tags(busybox)).toEqual([]);
      });

      it('does not keep a manifest because what refers to it is used', async () => {
        const clock = new TestClock();
        await using subject = await make(clock);
        await putImage(subject.store, busybox, image);
        await putImage(subject.store, busybox, signature);
        await clock.advance(day);
        subject.store.touch([signature.digest]);
        await subject.store.expire(clock.now());
        expect(await subject.store.manifest(busybox, image.digest)).toBeUndefined();
        expect(await subject.store.manifest(busybox, signature.digest)).toBeDefined();
      });

      it.each(['', '.sig', '.att', '.sbom'])(
        'keeps what is tagged sha256-<hex>%s after a manifest of the same repository, and the tag',
        async (suffix) => {
          const clock = new TestClock();
          await using subject = await make(clock);
          const tag = `sha256-${hex}${suffix}`;
          await putImage(subject.store, busybox, image);
          await putWithBlobs(subject.store, busybox, other, tag);
          await putImage(subject.store, alpine, makeImage({ seed: 3 }), tag);
          await putImage(subject.store, busybox, makeImage({ seed: 4 }), `${tag}x`);
          await clock.advance(day);
          subject.store.touch([image.digest]);
          expect(await subject.store.expire(clock.now())).toEqual([]);
          expect(await subject.store.tags(busybox)).toEqual([tag]);
          expect(await subject.store.manifest(busybox, other.digest)).toBeDefined();
          expect(await subject.store.tags(alpine)).toEqual([]);
        },
      );

      it('keeps the children of the index that is tagged so', async () => {
        const clock = new TestClock();
        await using subject = await make(clock);
        const listed = makeImage({ seed: 3 });
        await putImage(subject.store, busybox, image);
        await putWithBlobs(subject.store, busybox, listed);
        await putImage(subject.store, busybox, makeIndex([listed], { oci: true }), `sha256-${hex}`);
        await clock.advance(day);
        subject.store.touch([image.digest]);
        expect(await subject.store.expire(clock.now())).toEqual([]);
        expect(await subject.store.manifest(busybox, listed.digest)).toBeDefined();
      });

      it('finds what is tagged after a sha512 digest by its first 64 digits', async () => {
        const clock = new TestClock();
        await using subject = await make(clock);
        const digest = digestOf(image.bytes, 'sha512');
        await putImage(subject.store, busybox, { ...image, digest });
        const tag = `sha512-${digest.slice('sha512:'.length, 'sha512:'.length + 64)}`;
        await putImage(subject.store, busybox, other, tag);
        await clock.advance(day);
        subject.store.touch([digest]);
        await subject.store.expire(clock.now());
        expect(await subject.store.tags(busybox)).toEqual([tag]);
      });
    });

    it('forgets a blob that no manifest names once it is unused, with the right that upstream gave', async () => {
      const clock = new TestClock();
      await using subject = await make(clock);
      await subject.store.putRepositoryBlob(busybox, unknown, 7);
      await subject.store.putBlob(unknown, 7);
      await clock.advance(day);
      subject.store.touch([unknown]);
      await clock.advance(1);
      expect(await subject.store.expire(clock.now() - 1)).toEqual([]);
      expect(await subject.store.repositoryBlob(busybox, unknown)).toMatchObject({ size: 7 });
      expect(await subject.store.expire(clock.now())).toEqual([unknown]);
      expect(await subject.store.repositoryBlob(busybox, unknown)).toBeUndefined();
    });
  });

  describe('the state of an upstream', () => {
    it('is kept as it was put last', async () => {
      await using subject = await fresh();
      const upstream = busybox.upstream;
      expect(await subject.store.upstreamState(upstream)).toBeUndefined();
      await subject.store.putUpstreamState(upstream, {
        failures: 3,
        retryAt: 5,
        limit: 100,
        remaining: 0,
        window: 21600,
      });
      await subject.store.putUpstreamState(upstream, { failures: 4, retryAt: 6, remaining: 99 });
      const store = await subject.reopen();
      expect(await store.upstreamState(upstream)).toEqual({
        failures: 4,
        retryAt: 6,
        limit: 100,
        remaining: 99,
        window: 21600,
      });
      expect(await store.upstreamState(upstreamNamed('quay.io'))).toBeUndefined();
    });

    it('may be told in parts: one does not undo the other', async () => {
      await using subject = await fresh();
      const upstream = busybox.upstream;
      await subject.store.putUpstreamState(upstream, { limit: 100, remaining: 7, window: 60 });
      expect(await subject.store.upstreamState(upstream)).toEqual({
        failures: 0,
        retryAt: 0,
        limit: 100,
        remaining: 7,
        window: 60,
      });
      await subject.store.putUpstreamState(upstream, { failures: 2, retryAt: 5 });
      await subject.store.putUpstreamState(upstream, { failures: 0, retryAt: 0 });
      await subject.store.putUpstreamState(upstream, { remaining: 0 });
      expect(await subject.store.upstreamState(upstream)).toEqual({
        failures: 0,
        retryAt: 0,
        limit: 100,
        remaining: 0,
        window: 60,
      });
    });
  });

  describe('an upstream that is asked with an account', () => {
    it('is remembered as one, once and for good', async () => {
      await using subject = await fresh();
      expect(await subject.store.guardedUpstreams()).toEqual([]);
      for (const name of ['ghcr.io', 'docker.io', 'ghcr.io'])
        await subject.store.putGuarded(upstreamNamed(name));
      expect(await subject.store.guardedUpstreams()).toEqual(['docker.io', 'ghcr.io']);
      expect(await subject.store.upstreamState(upstreamNamed('ghcr.io'))).toBeUndefined();
    });
  });

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
        () => subject.store.expire(0),
      ]) {
        await expect(refused()).rejects.toMatchObject({ name: 'StoreError', code: 'IO' });
      }
    });
  });
}
