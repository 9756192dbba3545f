import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../src/oci/digest.ts';
import { digestKey, referenceText, repositoryKey } from '../../../src/oci/reference.ts';
import type {
  EvictedBlob,
  EvictedImage,
  EvictionRequest,
  Retention,
  Scope,
} from '../../../src/store/evictions.ts';
import type { MetadataStore } from '../../../src/store/metadata-store.ts';
import { makeArtifact } from '../../support/artifact.ts';
import { makeImage, makeIndex, type Content } from '../../support/image.ts';
import { TestClock } from '../../support/test-clock.ts';
import { evictAll, heedless } from './evicting.ts';
import { NaiveStore } from './naive-store.ts';
import {
  alpine,
  blobsOf,
  busybox,
  latest,
  makeReferrer,
  putImage,
  repositoryNamed,
  tagNamed,
  unknown,
  type MakeStore,
} from './subject.ts';
import { repeats } from '../../support/depth.ts';

// Images of one seed share their first layers.
const images = [
  makeImage({ layers: 1 }),
  makeImage({ layers: 2 }),
  makeImage({ seed: 2, layers: 1 }),
] as const;
const [one, two, three] = images;
const inner = makeIndex([one, two]);
const signature = makeReferrer(one, 'signature');
const companion = makeArtifact({ text: 'companion' });
const manifests: readonly Content[] = [
  ...images,
  inner,
  makeIndex([two, three]),
  makeIndex([{ ...one, ...inner }]),
  signature,
  makeReferrer(signature, 'countersignature'),
  companion,
];
const blobs = [...images.flatMap(blobsOf), { digest: unknown, size: 7 }];
const repositories = [busybox, alpine, repositoryNamed('library/busybox', 'ghcr.io')];
const companionTag = tagNamed(`${three.digest.replace(':', '-')}.sig`);
const day = 86_400_000;

const anyRepository = fc.constantFrom(...repositories);
const anyManifest = fc.constantFrom(...manifests);
const anyBlob = fc.constantFrom(...blobs);
const anyDigest = fc.constantFrom(...[...manifests, ...blobs].map(({ digest }) => digest));
const anyTag = fc.constantFrom(undefined, latest, tagNamed('other'));

/** A store and a naive one, to which the same is done. */
interface Both {
  readonly clock: TestClock;
  readonly naive: NaiveStore;
  store: MetadataStore;
  readonly reopen: () => Promise<MetadataStore>;
}

/** Something done to both; a counterexample names it. */
class Step {
  readonly #name: string;
  readonly run: (both: Both) => Promise<unknown>;

  constructor(name: string, run: (both: Both) => Promise<unknown>) {
    this.#name = name;
    this.run = run;
  }

  toString(): string {
    return this.#name;
  }
}

const put = fc.tuple(anyRepository, anyManifest, anyTag).map(([repository, manifest, name]) => {
  // Tags that make manifests belong to each other in a circle have a test of their own.
  const tag = manifest === companion ? companionTag : name;
  return new Step(`put ${digestKey(repository, manifest.digest)} ${tag ?? ''}`, async ({ store, naive }) => {
    await putImage(store, repository, manifest, tag);
    naive.put(repository, manifest, tag);
  });
});
const putBlob = anyBlob.map(
  (blob) =>
    new Step(`putBlob ${blob.digest}`, async ({ store, naive }) => {
      await store.putBlob(blob.digest, blob.size);
      naive.putBlob(blob);
    }),
);
const touch = fc.uniqueArray(anyDigest, { minLength: 1, maxLength: 3 }).map(
  (digests) =>
    new Step(`touch ${digests.join()}`, async ({ store, naive }) => {
      store.touch(digests);
      for (const digest of digests) naive.use(digest);
      await Promise.resolve();
    }),
);
const wait = fc
  .constantFrom(0, 1, 31_000)
  .map((ms) => new Step(`wait ${ms} ms`, ({ clock }) => clock.advance(ms)));
const setClock = fc.integer({ min: -3000, max: 3000 }).map(
  (days) =>
    new Step(`set the clock by ${days} days`, async ({ clock }) => {
      clock.set(days * day);
      await Promise.resolve();
    }),
);
const restart = fc.constant(
  new Step('restart', async (both) => {
    both.store = await both.reopen();
  }),
);
const uses = fc.oneof(
  { arbitrary: put, weight: 6 },
  { arbitrary: putBlob, weight: 5 },
  { arbitrary: touch, weight: 4 },
  { arbitrary: wait, weight: 2 },
  setClock,
  restart,
);

const removeBlob = anyBlob.map(
  ({ digest }) =>
    new Step(`removeBlob ${digest}`, async ({ store, naive }) => {
      await store.removeBlob(digest);
      naive.blobs.delete(digest);
    }),
);
const anyReference = fc.oneof(
  fc.constantFrom(latest, tagNamed('other')).map((tag) => ({ tag })),
  anyManifest.map(({ digest }) => ({ digest })),
);
const remove = fc.tuple(anyRepository, anyReference).map(
  ([repository, reference]) =>
    new Step(`remove ${repositoryKey(repository)} ${referenceText(reference)}`, async ({ store, naive }) => {
      const eviction = await store.evictions.remove(repository, reference, heedless);
      if (eviction !== undefined) naive.apply(eviction);
    }),
);
interface RandomRequest {
  readonly scope: Scope | undefined;
  readonly bytes: number;
  readonly pinned: Digest | undefined;
  readonly inUse: Digest | undefined;
}

const request: fc.Arbitrary<RandomRequest> = fc.record({
  scope: fc.constantFrom(undefined, { upstream: busybox.upstream }, ...repositories),
  bytes: fc.constantFrom(1, 5000, Infinity),
  pinned: fc.constantFrom(undefined, ...manifests.map(({ digest }) => digest)),
  inUse: fc.constantFrom(undefined, ...blobs.map(({ digest }) => digest)),
});
const evict = request.map(
  (wanted) => new Step(`evict ${JSON.stringify(wanted)}`, (both) => evictAndCompare(both, wanted)),
);
const anything = fc.oneof({ arbitrary: uses, weight: 6 }, removeBlob, remove, {
  arbitrary: evict,
  weight: 2,
});

async function evictAndCompare(
  { store, naive }: Both,
  { scope, bytes, pinned, inUse }: RandomRequest,
): Promise<void> {
  const retention: Retention = {
    isPinned: (_repository, _tags, digest) => digest === pinned,
    isInUse: (blob) => blob === inUse,
  };
  const wanted: EvictionRequest = { bytes, retention, ...(scope === undefined ? {} : { scope }) };
  const usage = () => (scope === undefined ? naive.bytes : naive.usageOf(scope));
  const [planned, before] = [await plan(store, wanted), usage()];
  const eviction = await evictAll(store, wanted);
  naive.apply(eviction);
  expect(eviction.bytes).toBe(before - usage());
  expect(eviction.done || eviction.bytes >= bytes).toBe(true);
  expect(
    planned.filter(({ repository }) => repository !== undefined).slice(0, eviction.images.length),
  ).toEqual(eviction.images);
  if (bytes === Infinity) expect(sum(planned)).toBe(eviction.bytes);
  expect(eviction.manifests.map(({ digest }) => digest)).not.toContain(pinned);
  expect(eviction.blobs).not.toContain(inUse);
  for (const blob of eviction.blobs) {
    expect(naive.isNamed(blob)).toBe(false);
    expect(await store.evictions.isCondemned(blob)).toBe(true);
  }
}

async function plan(
  store: MetadataStore,
  wanted: EvictionRequest,
): Promise<readonly (EvictedImage | EvictedBlob)[]> {
  return Array.fromAsync(store.evictions.plan(wanted));
}

function sum(planned: readonly { readonly bytes: number }[]): number {
  return planned.reduce((total, { bytes }) => total + bytes, 0);
}

async function expectSame({ store, naive }: Both): Promise<void> {
  expect(await store.evictions.usage()).toMatchObject({
    blobs: naive.blobs.size,
    bytes: naive.bytes,
    manifests: naive.manifests,
  });
  for (const repository of repositories) {
    const { upstream } = repository;
    expect(await store.evictions.usageOf(repository)).toBe(naive.usageOf(repository));
    expect(await store.evictions.usageOf({ upstream })).toBe(naive.usageOf({ upstream }));
    expect(await store.tags(repository)).toEqual(naive.tags(repository));
    for (const { digest } of manifests) {
      expect((await store.manifest(repository, digest)) !== undefined).toBe(naive.holds(repository, digest));
    }
    for (const { digest } of blobs) {
      const right = await store.repositoryBlob(repository, digest);
      expect(right !== undefined).toBe(naive.names(repository, digest));
    }
  }
  for (const { digest } of blobs) expect(await store.blob(digest)).toBe(naive.blobs.get(digest));
}

/** What holds of evictions whatever happened before, against a store that is made of a few sets. */
export function evictionModelContract(make: MakeStore): void {
  async function both(steps: readonly Step[], check: (both: Both) => Promise<void>): Promise<void> {
    const clock = new TestClock();
    await using subject = await make(clock);
    const pair: Both = {
      clock,
      naive: new NaiveStore(),
      store: subject.store,
      reopen: () => subject.reopen(),
    };
    for (const step of steps) await step.run(pair);
    await check(pair);
  }

  describe('against a naive store', () => {
    it('evicts the same images and blobs in the same order, and plans to', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(uses, { minLength: 8, maxLength: 30 }), (steps) =>
          both(steps, async ({ store, naive }) => {
            const planned = await plan(store, { retention: heedless });
            const expected: { digest: Digest; bytes: number }[] = [];
            for (let victim = naive.evict(); victim !== undefined; victim = naive.evict()) {
              expected.push({ digest: victim.digest, bytes: victim.bytes });
            }
            expect(planned.map(({ digest, bytes }) => ({ digest, bytes }))).toEqual(expected);
            for (const { digest, bytes } of expected) {
              // The smallest number that is more than nothing: one image or blob, and those that free nothing
              // before it.
              if (bytes === 0) continue;
              const gone = await evictAll(store, { bytes: 1 });
              expect([...gone.images.map((image) => image.digest), ...gone.blobs]).toContain(digest);
            }
          }),
        ),
        { numRuns: repeats(5, 25) },
      );
    });

    it('keeps the same accounts, rights and tags, whatever is put, used, evicted and removed', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anything, { minLength: 8, maxLength: 30 }), (steps) =>
          both(steps, expectSame),
        ),
        { numRuns: repeats(5, 25) },
      );
    });
  });
}
