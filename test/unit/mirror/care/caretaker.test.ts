import { describe, expect, it } from 'vitest';
import type { ImageListing, PrunedImage, UsageListing } from '../../../../src/mirror/care/listings.ts';
import { StoreError } from '../../../../src/store/store-error.ts';
import type { Digest } from '../../../../src/oci/digest.ts';
import type { Tag } from '../../../../src/oci/reference.ts';
import { CareHouse, repository, type CareHouseOptions } from '../../../support/care-house.ts';
import { makeImage, makeIndex, type Image } from '../../../support/image.ts';
import { withMethods } from '../../../support/import-house.ts';

const hour = 60 * 60 * 1000;
const old = makeImage({ layers: [5000], seed: 1 });
const young = makeImage({ layers: [6000], seed: 2 });
const shared = makeImage({ layers: [5000, 7000], seed: 1 });

function sizeOf(image: Image): number {
  return [image.config, ...image.layers].reduce((sum, { size }) => sum + size, 0);
}

/** `node:20` is an hour older than `ghcr.io/owner/app:1`. */
async function holding(options: CareHouseOptions = {}): Promise<CareHouse> {
  const house = await CareHouse.open(options);
  await house.hold(old, 'library/node', '20');
  await house.clock.advance(hour);
  await house.hold(young, 'ghcr.io/owner/app', '1');
  return house;
}

async function images(house: CareHouse, matching?: string): Promise<readonly string[]> {
  const listed: ImageListing[] = await Array.fromAsync(
    house.caretaker.images(matching === undefined ? {} : { matching }),
  );
  return listed.map(({ image }) => image);
}

function prune(
  house: CareHouse,
  options: { toBytes?: number; unusedMs?: number; dryRun?: boolean },
): Promise<PrunedImage[]> {
  const { toBytes = null, unusedMs = null, dryRun = false } = options;
  return Array.fromAsync(house.caretaker.prune({ toBytes, unusedMs, dryRun }));
}

async function held(house: CareHouse, image: Image): Promise<readonly Digest[]> {
  const all = await Array.fromAsync(house.content.list());
  const digests = new Set([image.config, ...image.layers].map(({ digest }) => digest));
  return all.flatMap(({ digest }) => (digests.has(digest) ? [digest] : []));
}

describe('a list of images', () => {
  it('tells all there is to know of each, under the name that people write', async () => {
    await using house = await holding({ space: { pins: ['ghcr.io/**'] } });
    const now = house.clock.now();
    expect(await Array.fromAsync(house.caretaker.images())).toEqual([
      {
        image: 'library/node:20',
        repository: 'library/node',
        upstream: 'docker.io',
        tag: '20',
        digest: old.digest,
        mediaType: old.mediaType,
        bytes: sizeOf(old) + old.size,
        manifests: 1,
        lastUsedAt: now - hour,
        createdAt: now - hour,
        complete: true,
        pinnedBy: null,
      },
      expect.objectContaining({
        image: 'ghcr.io/owner/app:1',
        repository: 'ghcr.io/owner/app',
        upstream: 'ghcr.io',
        pinnedBy: 'ghcr.io/**',
      }),
    ]);
  });

  it('names what has no tag by its digest, and says that something of it is missing', async () => {
    await using house = await CareHouse.open();
    await house.holdBlob(old.config);
    await house.holdManifest(old, 'library/node');
    const [listed] = await Array.fromAsync(house.caretaker.images());
    expect(listed).toMatchObject({ image: `library/node@${old.digest}`, tag: null, complete: false });
  });

  it('is as long as there are images', async () => {
    await using house = await CareHouse.open();
    await house.hold(old, 'library/node', ...Array.from({ length: 450 }, (_, index) => `v${index}`));
    expect(await images(house)).toHaveLength(450);
  });

  it.each([
    ['node', ['library/node:20']],
    ['node:20', ['library/node:20']],
    ['node:21', []],
    ['docker.io/library/node', ['library/node:20']],
    ['ghcr.io/*', ['ghcr.io/owner/app:1']],
    [`ghcr.io/owner/app@${young.digest}`, ['ghcr.io/owner/app:1']],
  ])('of those that %s means', async (matching, listed) => {
    await using house = await holding();
    expect(await images(house, matching)).toEqual(listed);
  });

  it('is refused for what is no pattern', async () => {
    await using house = await holding();
    await expect(images(house, '[')).rejects.toMatchObject({ name: 'CareError', kind: 'invalid' });
  });
});

describe('what repositories take up', () => {
  it('tells bytes that are theirs alone from those they share, and counts each byte once in the total', async () => {
    await using house = await CareHouse.open();
    await house.hold(old, 'library/one');
    await house.hold(shared, 'library/two');
    const layer = 5000;
    const usage: UsageListing[] = await Array.fromAsync(house.caretaker.usage());
    expect(usage).toEqual([
      {
        repository: 'library/one',
        upstream: 'docker.io',
        tags: 1,
        manifests: 1,
        bytes: sizeOf(old),
        uniqueBytes: sizeOf(old) - layer,
        sharedBytes: layer,
      },
      expect.objectContaining({
        repository: 'library/two',
        uniqueBytes: sizeOf(shared) - layer,
        sharedBytes: layer,
      }),
      {
        repository: null,
        upstream: null,
        tags: 2,
        manifests: 2,
        bytes: sizeOf(old) + sizeOf(shared) - layer,
        uniqueBytes: sizeOf(old) + sizeOf(shared) - 2 * layer,
        sharedBytes: layer,
      },
    ]);
  });
});

describe('the removal of an image', () => {
  it('frees its bytes, and says how many', async () => {
    await using house = await holding();
    expect(await house.caretaker.remove('node:20')).toEqual({
      image: 'library/node:20',
      digest: old.digest,
      tags: ['20'],
      manifests: 1,
      blobs: 2,
      bytes: sizeOf(old),
    });
    expect(await held(house, old)).toEqual([]);
    expect(await images(house)).toEqual(['ghcr.io/owner/app:1']);
  });

  it('takes latest for granted', async () => {
    await using house = await CareHouse.open();
    await house.hold(old, 'library/node', 'latest', '20');
    expect(await house.caretaker.remove('node')).toMatchObject({ tags: ['latest'], bytes: 0, manifests: 0 });
    expect(await images(house)).toEqual(['library/node:20']);
  });

  it('goes by digest with all tags', async () => {
    await using house = await CareHouse.open();
    await house.hold(old, 'library/node', 'latest', '20');
    const { tags } = await house.caretaker.remove(`docker.io/library/node@${old.digest}`);
    expect(tags.toSorted()).toEqual(['20', 'latest']);
    expect(await held(house, old)).toEqual([]);
  });

  it('leaves what others share with it', async () => {
    await using house = await CareHouse.open();
    await house.hold(old, 'library/one');
    await house.hold(shared, 'library/two');
    expect(await house.caretaker.remove('one')).toMatchObject({ bytes: sizeOf(old) - 5000 });
    expect(await held(house, shared)).toHaveLength(3);
  });

  it('takes an index with its platforms', async () => {
    await using house = await CareHouse.open();
    const index = makeIndex([old, young]);
    await house.hold(old, 'library/node', 'old');
    for (const blob of [young.config, ...young.layers]) await house.holdBlob(blob);
    await house.holdManifest(index, 'library/node', 'multi');
    await house.holdManifest(young, 'library/node');
    expect(await house.caretaker.remove('node:multi')).toMatchObject({ manifests: 2, bytes: sizeOf(young) });
    expect(await images(house)).toEqual(['library/node:old']);
  });

  it.each(['node:20', `node@${old.digest}`])(
    'of %s is refused while a pattern protects it, which is named',
    async (image) => {
      await using house = await holding();
      await house.caretaker.pin('node:2*');
      await expect(house.caretaker.remove(image)).rejects.toMatchObject({
        kind: 'pinned',
        message: expect.stringContaining('node:2*') as unknown,
      });
      await house.caretaker.unpin('node:2*');
      await expect(house.caretaker.remove(image)).resolves.toMatchObject({ digest: old.digest });
    },
  );

  it.each(['node:21', 'nginx', 'quay.io/a/b', `node@${young.digest}`])(
    'of %s, which is not held, is not found',
    async (image) => {
      await using house = await holding();
      await expect(house.caretaker.remove(image)).rejects.toMatchObject({ kind: 'not-found' });
    },
  );

  it('is refused for what is no name', async () => {
    await using house = await holding();
    await expect(house.caretaker.remove('No Such')).rejects.toMatchObject({ kind: 'invalid' });
  });
});

describe('pruning', () => {
  it('removes what was not used for so long', async () => {
    await using house = await holding();
    const lastUsedAt = house.clock.now() - hour;
    expect(await prune(house, { unusedMs: hour / 2 })).toEqual([
      { image: 'library/node:20', digest: old.digest, tags: ['20'], bytes: sizeOf(old), lastUsedAt },
    ]);
    expect(await held(house, old)).toEqual([]);
    expect(await images(house)).toEqual(['ghcr.io/owner/app:1']);
  });

  it('removes the oldest until so much is left', async () => {
    await using house = await holding();
    const { databaseBytes } = await house.metadata.evictions.usage();
    const gone = await prune(house, { toBytes: databaseBytes + sizeOf(young) + 100 });
    expect(gone.map(({ image }) => image)).toEqual(['library/node:20']);
    expect((await prune(house, { toBytes: 0 })).map(({ image }) => image)).toEqual(['ghcr.io/owner/app:1']);
    expect(await Array.fromAsync(house.content.list())).toEqual([]);
  });

  it('changes nothing when it only says what it would do', async () => {
    await using house = await holding();
    const gone = await prune(house, { toBytes: 0, dryRun: true });
    expect(gone.map(({ image }) => image)).toEqual(['library/node:20', 'ghcr.io/owner/app:1']);
    expect(await images(house)).toHaveLength(2);
    expect(await Array.fromAsync(house.content.list())).toHaveLength(4);
  });

  it('tells of a blob that no image needs without a name', async () => {
    await using house = await CareHouse.open();
    await house.holdBlob(old.config);
    expect(await prune(house, { toBytes: 0, dryRun: true })).toEqual([
      expect.objectContaining({ image: null, digest: old.config.digest, bytes: old.config.size, tags: [] }),
    ]);
  });

  it('spares what is pinned', async () => {
    await using house = await holding({ space: { pins: ['library/node:*'] } });
    const gone = await prune(house, { toBytes: 0 });
    expect(gone.map(({ image }) => image)).toEqual(['ghcr.io/owner/app:1']);
    expect(await held(house, old)).toHaveLength(2);
  });

  it('stops when its iteration does', async () => {
    await using house = await holding();
    for await (const { image } of house.caretaker.prune({ toBytes: 0, unusedMs: 0, dryRun: true })) {
      expect(image).toBe('library/node:20');
      break;
    }
    expect(await images(house)).toHaveLength(2);
  });

  it.each([{}, { toBytes: -1 }, { unusedMs: Number.NaN }])('by %j is refused', async (options) => {
    await using house = await holding();
    await expect(prune(house, options)).rejects.toMatchObject({ kind: 'invalid' });
    expect(await images(house)).toHaveLength(2);
  });
});

describe('pins', () => {
  it('are those of the configuration and those made by hand, which outlive a restart', async () => {
    await using house = await CareHouse.open({ space: { pins: ['node:*'] } });
    await house.caretaker.pin('ghcr.io/*');
    await house.caretaker.pin('ghcr.io/*');
    await house.restart();
    expect(await house.caretaker.pins()).toEqual([
      { pattern: 'node:*', source: 'configuration', createdAt: null },
      { pattern: 'ghcr.io/*', source: 'command', createdAt: house.clock.now() },
    ]);
  });

  it('made by hand can be taken back', async () => {
    await using house = await CareHouse.open();
    await house.caretaker.pin('node:*');
    expect(await house.caretaker.unpin('node:*')).toBe(true);
    expect(await house.caretaker.unpin('node:*')).toBe(false);
    expect(await house.caretaker.pins()).toEqual([]);
  });

  it('of the configuration stay until they are removed there', async () => {
    await using house = await CareHouse.open({ space: { pins: ['node:*'] } });
    await expect(house.caretaker.unpin('node:*')).rejects.toMatchObject({ kind: 'invalid' });
    expect(await house.caretaker.pins()).toHaveLength(1);
  });

  it.each(['', '[', 'a b', 'ghcr.io'])('%j is refused: it could protect nothing', async (pattern) => {
    await using house = await CareHouse.open();
    await expect(house.caretaker.pin(pattern)).rejects.toMatchObject({ kind: 'invalid' });
    expect(await house.caretaker.pins()).toEqual([]);
  });
});

describe('the numbers of a cache', () => {
  it('are those of the store, its limits, and the server', async () => {
    await using house = await holding({
      space: {
        maxsize: { bytes: 1e9 },
        minfree: { percent: 10 },
        quotas: [
          { upstream: repository('ghcr.io/owner/app').upstream, bytes: 5e8 },
          { match: 'docker.io/library/*', bytes: 3e8 },
        ],
      },
    });
    const ingest = await house.content.ingest(shared.digest);
    await ingest.write([Buffer.alloc(300)]);
    await ingest.close();
    await house.damage(old.config.digest);
    await house.content.quarantine(old.config.digest);
    await house.caretaker.remove('ghcr.io/owner/app:1');
    const { size } = await house.content.room();
    expect(await house.caretaker.stats()).toEqual({
      store: {
        repositories: 1,
        tags: 1,
        manifests: 1,
        blobs: 2,
        bytes: sizeOf(old),
        databaseBytes: expect.any(Number) as unknown,
        partial: { blobs: 1, bytes: 300 },
        quarantine: { blobs: 1, bytes: old.config.size },
      },
      disk: expect.objectContaining({ size }) as unknown,
      limits: {
        maxsize: 1e9,
        minfree: Math.floor(size / 10),
        quotas: [
          { match: 'ghcr.io/*', bytes: 5e8 },
          { match: 'docker.io/library/*', bytes: 3e8 },
        ],
      },
      cache: { state: 'healthy', problems: [] },
      scrub: { periodMs: 30 * 24 * hour, oldestVerifiedAt: house.clock.now() - hour },
      server: {
        startedAt: house.clock.now() - hour,
        uptimeMs: hour,
        evicted: { images: 1, bytes: sizeOf(young) },
        scrubbed: { blobs: 0, bytes: 0 },
        damaged: 0,
      },
    });
  });

  it('say what is wrong with a store that fails, and go without what cannot be asked', async () => {
    const away = () => Promise.reject(new StoreError('IO', 'the disk is away'));
    await using house = await holding({
      scrubMs: 0,
      space: { minfree: { percent: 10 } },
      wrapContent: (content) => withMethods(content, { room: away, check: away }),
    });
    house.space.health.failed(new StoreError('NOT_WRITABLE', 'read-only'));
    const stats = await house.caretaker.stats();
    expect(stats).toMatchObject({ disk: null, limits: { minfree: null }, scrub: { periodMs: null } });
    expect(stats.cache.state).toBe('failed');
    expect(stats.cache.problems.join()).toContain('the disk is away');
  });
});

describe('trouble with the stores', () => {
  it('is told as what it means for a command', async () => {
    await using house = await holding();
    const caretaker = house.caretaker;
    await house.metadata.close();
    await expect(caretaker.remove('node:20')).rejects.toMatchObject({ name: 'CareError', kind: 'failed' });
    await expect(Array.fromAsync(caretaker.images())).rejects.toMatchObject({ name: 'CareError' });
    await expect(Array.fromAsync(caretaker.verify({ repair: false }))).rejects.toMatchObject({
      name: 'CareError',
    });
  });
});

describe('everything that a caretaker says', () => {
  it('is the same after a way through JSON', async () => {
    await using house = await holding({ space: { pins: ['node'] } });
    await house.metadata.removeTag(repository('ghcr.io/owner/app'), '1' as Tag);
    const { caretaker } = house;
    const said = [
      await Array.fromAsync(caretaker.images()),
      await Array.fromAsync(caretaker.usage()),
      await caretaker.pins(),
      await caretaker.stats(),
      await Array.fromAsync(caretaker.verify({ repair: false })),
      await prune(house, { toBytes: 0, dryRun: true }),
      await caretaker.remove(`ghcr.io/owner/app@${young.digest}`),
    ];
    expect(JSON.parse(JSON.stringify(said))).toStrictEqual(said);
  });
});
