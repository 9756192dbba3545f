import { describe, expect, it } from 'vitest';
import { parseTag } from '../../../../src/oci/reference.ts';
import { byTag, MirrorFixture, target } from '../../../support/mirror-fixture.ts';
import { cachedBlobs, pull, publish } from '../../../support/published-image.ts';

const layer = 100_000;
const hour = 60 * 60 * 1000;

/** A fixture that has pulled images, an hour apart. */
async function open(...names: readonly string[]): Promise<MirrorFixture> {
  const fixture = await MirrorFixture.open();
  for (const name of names) {
    await pull(fixture, name, publish(fixture, name, layer));
    await fixture.settled();
    await fixture.clock.advance(hour);
  }
  return fixture;
}

function repositoryOf(fixture: MirrorFixture, name: string) {
  return { upstream: fixture.upstream.name, name: target(`library/${name}`).name };
}

async function namesOf(
  images: AsyncIterable<{ readonly repository?: { readonly name: string } | undefined }>,
) {
  return (await Array.fromAsync(images)).map(({ repository }) => repository?.name);
}

describe('what is pruned', () => {
  it('is what was not used since, the oldest first', async () => {
    await using fixture = await open('one', 'two', 'three');

    const gone = await namesOf(
      fixture.space.evictor.prune({ unusedBefore: fixture.clock.now() - 1.5 * hour, dryRun: false }),
    );

    expect(gone).toEqual(['library/one', 'library/two']);
    expect((await cachedBlobs(fixture)).size).toBe(2);
  });

  it('is as much as is too much', async () => {
    await using fixture = await open('one', 'two', 'three');
    const { bytes, databaseBytes } = await fixture.metadata.evictions.usage();

    const toBytes = bytes + databaseBytes - layer / 2;
    const gone = await namesOf(fixture.space.evictor.prune({ toBytes, dryRun: false }));

    expect(gone).toEqual(['library/one']);
  });

  it('is only told in a dry run, in the order in which it would go', async () => {
    await using fixture = await open('one', 'two', 'three');
    const { bytes, databaseBytes } = await fixture.metadata.evictions.usage();
    const { evictor } = fixture.space;

    const byAge = evictor.prune({ unusedBefore: fixture.clock.now() - 2.5 * hour, dryRun: true });
    expect(await namesOf(byAge)).toEqual(['library/one']);
    const toBytes = bytes + databaseBytes - 1.5 * layer;
    expect(await namesOf(evictor.prune({ toBytes, dryRun: true }))).toEqual(['library/one', 'library/two']);
    const both = evictor.prune({ toBytes, unusedBefore: fixture.clock.now() - 2.5 * hour, dryRun: true });
    expect(await namesOf(both)).toEqual(['library/one', 'library/two']);
    expect((await cachedBlobs(fixture)).size).toBe(6);
  });

  it('is nothing that is pinned', async () => {
    await using fixture = await open('one', 'two');
    await fixture.space.pins.add('one');

    const gone = await namesOf(fixture.space.evictor.prune({ toBytes: 0, dryRun: false }));

    expect(gone).toEqual(['library/two']);
  });
});

describe('an image that is removed by hand', () => {
  it('is gone with its bytes, and from memory, while others stay in memory', async () => {
    await using fixture = await open('one', 'two');
    const tag = parseTag('latest');
    if (tag === undefined) throw new Error('no tag');
    fixture.upstream.requests.length = 0;

    const removed = await fixture.space.evictor.remove(repositoryOf(fixture, 'one'), { tag });
    await fixture.mirror.manifest(target('library/two'), byTag('latest'), 'GET');
    await fixture.mirror.manifest(target('library/one'), byTag('latest'), 'GET');

    expect(removed).toMatchObject({ tags: [{ tag: 'latest' }], bytes: expect.any(Number) as number });
    expect((await cachedBlobs(fixture)).size).toBe(2);
    expect(fixture.upstream.count('GET library/one')).toBe(1);
    expect(fixture.upstream.count('GET library/two')).toBe(0);
    expect(fixture.space.evictor.evicted).toMatchObject({ images: 1 });
  });

  it('is undefined when there is none', async () => {
    await using fixture = await open('one');
    const tag = parseTag('other');
    if (tag === undefined) throw new Error('no tag');

    expect(await fixture.space.evictor.remove(repositoryOf(fixture, 'one'), { tag })).toBeUndefined();
  });
});
