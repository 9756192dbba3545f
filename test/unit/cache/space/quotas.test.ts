import { describe, expect, it } from 'vitest';
import type { Quota } from '../../../../src/cache/space/limits.ts';
import { eventually } from '../../../support/deadline.ts';
import { MirrorHouse, target } from '../../../support/mirror-house.ts';
import { heldBlobs, pull, shelve } from '../../../support/shelf.ts';

const layer = 100_000;

async function pullNew(house: MirrorHouse, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await pull(house, name, shelve(house, name, layer));
    await house.settled();
    await house.clock.advance(1000);
  }
}

async function heldOf(house: MirrorHouse, name: string): Promise<number> {
  return house.metadata.evictions.usageOf({
    upstream: house.upstream.name,
    name: target(`library/${name}`).name,
  });
}

describe('a quota', () => {
  it('of an upstream is kept among its own images, the oldest first', async () => {
    const upstream = target('library/x', 'docker.io').namespace;
    if (upstream === undefined) throw new Error('no upstream');
    await using house = await MirrorHouse.open({ space: { quotas: [{ upstream, bytes: 2.5 * layer }] } });

    await pullNew(house, 'one', 'two', 'three');

    expect(await heldOf(house, 'one')).toBe(0);
    expect(await heldOf(house, 'three')).toBeGreaterThan(layer);
    expect((await heldBlobs(house)).size).toBe(4);
  });

  it('of repositories counts for each by itself', async () => {
    const quotas: Quota[] = [{ match: 'docker.io/library/*', bytes: 1.5 * layer }];
    await using house = await MirrorHouse.open({ space: { quotas } });

    await pullNew(house, 'one', 'two');
    await house.clock.advance(61_000);
    const newer = shelve(house, 'one', layer, { seed: 99 });
    await pull(house, 'one', newer);
    await house.settled();

    expect(await heldBlobs(house)).toContain(newer.layers[0]?.digest);
    expect((await heldBlobs(house)).size).toBe(4);
    expect(await heldOf(house, 'two')).toBeGreaterThan(layer);
  });

  it('lets a blob pass through that is larger', async () => {
    const quotas: Quota[] = [{ match: 'docker.io/library/one', bytes: layer / 2 }];
    await using house = await MirrorHouse.open({ space: { quotas } });

    await pullNew(house, 'one', 'two');

    expect(await heldOf(house, 'one')).toBeLessThan(layer / 2);
    expect(await heldOf(house, 'two')).toBeGreaterThan(layer);
  });

  it('that is lowered is kept from the next start on', async () => {
    const quotas: Quota[] = [];
    await using house = await MirrorHouse.open({ space: { quotas } });
    await pullNew(house, 'one');

    quotas.push({ match: 'docker.io/**', bytes: 10 });
    await house.restart();

    await eventually(5000, 'an eviction', async () => (await heldBlobs(house)).size === 0);
    expect(await heldOf(house, 'one')).toBe(0);
  });
});
