import { describe, expect, it } from 'vitest';
import { parseTag } from '../../../../src/oci/reference.ts';
import { byTag, MirrorHouse, target } from '../../../support/mirror-house.ts';
import { heldBlobs, pull, shelve } from '../../../support/shelf.ts';

const layer = 100_000;
const hour = 60 * 60 * 1000;

/** A house that has pulled images, an hour apart. */
async function open(...names: readonly string[]): Promise<MirrorHouse> {
  const house = await MirrorHouse.open();
  for (const name of names) {
    await pull(house, name, shelve(house, name, layer));
    await house.settled();
    await house.clock.advance(hour);
  }
  return house;
}

function repositoryOf(house: MirrorHouse, name: string) {
  return { upstream: house.upstream.name, name: target(`library/${name}`).name };
}

async function namesOf(
  images: AsyncIterable<{ readonly repository?: { readonly name: string } | undefined }>,
) {
  return (await Array.fromAsync(images)).map(({ repository }) => repository?.name);
}

describe('what is pruned', () => {
  it('is what was not used since, the oldest first', async () => {
    await using house = await open('one', 'two', 'three');

    const gone = await namesOf(
      house.space.evictor.prune({ unusedBefore: house.clock.now() - 1.5 * hour, dryRun: false }),
    );

    expect(gone).toEqual(['library/one', 'library/two']);
    expect((await heldBlobs(house)).size).toBe(2);
  });

  it('is as much as is too much', async () => {
    await using house = await open('one', 'two', 'three');
    const { bytes, databaseBytes } = await house.metadata.evictions.usage();

    const toBytes = bytes + databaseBytes - layer / 2;
    const gone = await namesOf(house.space.evictor.prune({ toBytes, dryRun: false }));

    expect(gone).toEqual(['library/one']);
  });

  it('is only told in a dry run, in the order in which it would go', async () => {
    await using house = await open('one', 'two', 'three');
    const { bytes, databaseBytes } = await house.metadata.evictions.usage();
    const { evictor } = house.space;

    const byAge = evictor.prune({ unusedBefore: house.clock.now() - 2.5 * hour, dryRun: true });
    expect(await namesOf(byAge)).toEqual(['library/one']);
    const toBytes = bytes + databaseBytes - 1.5 * layer;
    expect(await namesOf(evictor.prune({ toBytes, dryRun: true }))).toEqual(['library/one', 'library/two']);
    const both = evictor.prune({ toBytes, unusedBefore: house.clock.now() - 2.5 * hour, dryRun: true });
    expect(await namesOf(both)).toEqual(['library/one', 'library/two']);
    expect((await heldBlobs(house)).size).toBe(6);
  });

  it('is nothing that is pinned', async () => {
    await using house = await open('one', 'two');
    await house.space.pins.add('one');

    const gone = await namesOf(house.space.evictor.prune({ toBytes: 0, dryRun: false }));

    expect(gone).toEqual(['library/two']);
  });
});

describe('an image that is removed by hand', () => {
  it('is gone with its bytes, and from memory, while others stay in memory', async () => {
    await using house = await open('one', 'two');
    const tag = parseTag('latest');
    if (tag === undefined) throw new Error('no tag');
    house.upstream.requests.length = 0;

    const removed = await house.space.evictor.remove(repositoryOf(house, 'one'), { tag });
    await house.mirror.manifest(target('library/two'), byTag('latest'), 'GET');
    await house.mirror.manifest(target('library/one'), byTag('latest'), 'GET');

    expect(removed).toMatchObject({ tags: [{ tag: 'latest' }], bytes: expect.any(Number) as number });
    expect((await heldBlobs(house)).size).toBe(2);
    expect(house.upstream.count('GET library/one')).toBe(1);
    expect(house.upstream.count('GET library/two')).toBe(0);
    expect(house.space.evictor.evicted).toMatchObject({ images: 1 });
  });

  it('is undefined when there is none', async () => {
    await using house = await open('one');
    const tag = parseTag('other');
    if (tag === undefined) throw new Error('no tag');

    expect(await house.space.evictor.remove(repositoryOf(house, 'one'), { tag })).toBeUndefined();
  });
});
