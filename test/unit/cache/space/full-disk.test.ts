import { describe, expect, it } from 'vitest';
import type { EvictionRequest } from '../../../../src/store/evictions.ts';
import type { MetadataStore } from '../../../../src/store/metadata-store.ts';
import { StoreError } from '../../../../src/store/store-error.ts';
import { eventually } from '../../../support/deadline.ts';
import { byTag, MirrorHouse, target } from '../../../support/mirror-house.ts';
import { heldBlobs, pruneAll, pull, shelve } from '../../../support/shelf.ts';
import { wrapped } from '../../../support/wrapped.ts';

const kib = 1024;
const layer = 400 * kib;

/** A database that cannot evict for want of room while the disk is full, until the reserve is given up. */
class FullDisk {
  isFull = false;
  #house: MirrorHouse | undefined;

  async open(): Promise<MirrorHouse> {
    this.#house = await MirrorHouse.open({
      wrapMetadata: this.#wrap,
      wrapContent: (content) =>
        wrapped(content, {
          spendReserve: async () => {
            const spent = await content.spendReserve();
            if (spent) this.isFull = false;
            return spent;
          },
        }),
      space: { maxsize: { bytes: 1700 * kib } },
    });
    return this.#house;
  }

  readonly #wrap = (metadata: MetadataStore): MetadataStore => {
    const { evictions } = metadata;
    return wrapped(metadata, {
      evictions: wrapped(evictions, {
        evict: async (request) => this.#unlessFull(() => evictions.evict(request)),
        remove: async (...which) => this.#unlessFull(() => evictions.remove(...which)),
      }),
    });
  };

  async #unlessFull<T>(write: () => Promise<T>): Promise<T> {
    if (this.isFull) throw new StoreError('NO_SPACE', 'the metadata database failed: SQLITE_FULL');
    return write();
  }
}

/** Pulls images one after the other, until what they take is kept within the limit. */
async function pullAll(house: MirrorHouse, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await pull(house, name, shelve(house, name, layer));
    await house.settled();
    await house.clock.advance(1000);
  }
}

describe('a disk that is full to the last byte', () => {
  it('is made room on all the same: the database writes what goes in place of the reserve, which is kept again', async () => {
    const disk = new FullDisk();
    await using house = await disk.open();
    await pullAll(house, 'one', 'two', 'three');
    expect(await house.content.keepReserve()).toBe(true);

    disk.isFull = true;
    await pullAll(house, 'four');

    expect((await heldBlobs(house)).size).toBe(6);
    expect((await house.mirror.readiness()).ready).toBe(true);
    expect(await house.content.spendReserve()).toBe(true);
  });

  it('keeps nobody from removing an image by hand', async () => {
    const disk = new FullDisk();
    await using house = await disk.open();
    await pullAll(house, 'one');
    await house.content.keepReserve();
    disk.isFull = true;
    const repository = { upstream: house.upstream.name, name: target('library/one').name };

    const removed = await house.space.evictor.remove(repository, byTag('latest'));

    expect(removed?.blobs.length).toBe(2);
    expect((await heldBlobs(house)).size).toBe(0);
  });

  it('on which there is no reserve either is told of', async () => {
    const disk = new FullDisk();
    await using house = await disk.open();
    await eventually(5000, 'the first look', async () => house.content.spendReserve());
    await pullAll(house, 'one', 'two', 'three');
    disk.isFull = true;

    await pull(house, 'four', shelve(house, 'four', layer));
    await house.settled();

    const told = house.log.filter(({ level }) => Number(level) >= 50).map(({ msg }) => msg);
    expect(told).toEqual([expect.stringMatching(/^the cache has failed: the disk is full/)]);
    expect((await house.mirror.manifest(target('library/one'), byTag('latest'), 'GET')).result).toBe('hit');
  });

  it('gets its room from what is going already, where that will do, and keeps its reserve', async () => {
    let going = 0;
    let refused = 0;
    let spent = 0;
    await using house = await MirrorHouse.open({
      wrapContent: (content) =>
        wrapped(content, {
          remove: async (digest) => {
            going += 1;
            try {
              return await content.remove(digest);
            } finally {
              going -= 1;
            }
          },
          spendReserve: () => {
            spent += 1;
            return content.spendReserve();
          },
        }),
      wrapMetadata: (metadata) => {
        const { evictions } = metadata;
        const evict = async (request: EvictionRequest) => {
          if (going === 0) return evictions.evict({ ...request, bytes: 1 });
          refused += 1;
          throw new StoreError('NO_SPACE', 'the metadata database failed: SQLITE_FULL');
        };
        return wrapped(metadata, { evictions: wrapped(evictions, { evict }) });
      },
    });
    await pullAll(house, 'one', 'two', 'three');
    await house.content.keepReserve();

    const gone = await pruneAll(house);

    expect(gone).toHaveLength(3);
    expect(refused).toBeGreaterThan(0);
    expect(spent).toBe(0);
    expect((await house.mirror.readiness()).ready).toBe(true);
  });
});
