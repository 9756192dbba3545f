import { describe, expect, it } from 'vitest';
import type { EvictionRequest } from '../../../../src/store/evictions.ts';
import type { MetadataStore } from '../../../../src/store/metadata-store.ts';
import { StoreError } from '../../../../src/store/store-error.ts';
import { eventually } from '../../../support/deadline.ts';
import { byTag, MirrorFixture, target } from '../../../support/mirror-fixture.ts';
import { cachedBlobs, pruneAll, pull, publish } from '../../../support/published-image.ts';
import { wrapped } from '../../../support/wrapped.ts';

const kib = 1024;
const layer = 400 * kib;

/** A database that cannot evict for want of room while the disk is full, until the reserve is given up. */
class FullDisk {
  isFull = false;
  #fixture: MirrorFixture | undefined;

  async open(): Promise<MirrorFixture> {
    this.#fixture = await MirrorFixture.open({
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
    return this.#fixture;
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
async function pullAll(fixture: MirrorFixture, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await pull(fixture, name, publish(fixture, name, layer));
    await fixture.settled();
    await fixture.clock.advance(1000);
  }
}

describe('a disk that is full to the last byte', () => {
  it('is made room on all the same: the database writes what goes in place of the reserve, which is kept again', async () => {
    const disk = new FullDisk();
    await using fixture = await disk.open();
    await pullAll(fixture, 'one', 'two', 'three');
    expect(await fixture.content.keepReserve()).toBe(true);

    disk.isFull = true;
    await pullAll(fixture, 'four');

    expect((await cachedBlobs(fixture)).size).toBe(6);
    expect((await fixture.mirror.readiness()).ready).toBe(true);
    expect(await fixture.content.spendReserve()).toBe(true);
  });

  it('keeps nobody from removing an image by hand', async () => {
    const disk = new FullDisk();
    await using fixture = await disk.open();
    await pullAll(fixture, 'one');
    await fixture.content.keepReserve();
    disk.isFull = true;
    const repository = { upstream: fixture.upstream.name, name: target('library/one').name };

    const removed = await fixture.space.evictor.remove(repository, byTag('latest'));

    expect(removed?.blobs.length).toBe(2);
    expect((await cachedBlobs(fixture)).size).toBe(0);
  });

  it('on which there is no reserve either is told of', async () => {
    const disk = new FullDisk();
    await using fixture = await disk.open();
    await eventually(60_000, 'the first look', async () => fixture.content.spendReserve());
    await pullAll(fixture, 'one', 'two', 'three');
    disk.isFull = true;

    await pull(fixture, 'four', publish(fixture, 'four', layer));
    await fixture.settled();

    const told = fixture.log.filter(({ level }) => Number(level) >= 50).map(({ msg }) => msg);
    expect(told).toEqual([expect.stringMatching(/^the cache has failed: the disk is full/)]);
    expect((await fixture.mirror.manifest(target('library/one'), byTag('latest'), 'GET')).result).toBe('hit');
  });

  it('gets its room from what is going already, where that will do, and keeps its reserve', async () => {
    let going = 0;
    let refused = 0;
    let spent = 0;
    await using fixture = await MirrorFixture.open({
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
    await pullAll(fixture, 'one', 'two', 'three');
    await fixture.content.keepReserve();

    const gone = await pruneAll(fixture);

    expect(gone).toHaveLength(3);
    expect(refused).toBeGreaterThan(0);
    expect(spent).toBe(0);
    expect((await fixture.mirror.readiness()).ready).toBe(true);
  });
});
