import { describe, expect, it } from 'vitest';
import type { Quota } from '../../../../src/cache/space/limits.ts';
import { eventually } from '../../../support/deadline.ts';
import { MirrorFixture, target } from '../../../support/mirror-fixture.ts';
import { cachedBlobs, pull, publish } from '../../../support/published-image.ts';

const layer = 100_000;

async function pullNew(fixture: MirrorFixture, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await pull(fixture, name, publish(fixture, name, layer));
    await fixture.settled();
    await fixture.clock.advance(1000);
  }
}

async function heldOf(fixture: MirrorFixture, name: string): Promise<number> {
  return fixture.metadata.evictions.usageOf({
    upstream: fixture.upstream.name,
    name: target(`library/${name}`).name,
  });
}

describe('a quota', () => {
  it('of an upstream is kept among its own images, the oldest first', async () => {
    const upstream = target('library/x', 'docker.io').namespace;
    if (upstream === undefined) throw new Error('no upstream');
    await using fixture = await MirrorFixture.open({ space: { quotas: [{ upstream, bytes: 2.5 * layer }] } });

    await pullNew(fixture, 'one', 'two', 'three');

    expect(await heldOf(fixture, 'one')).toBe(0);
    expect(await heldOf(fixture, 'three')).toBeGreaterThan(layer);
    expect((await cachedBlobs(fixture)).size).toBe(4);
  });

  it('of repositories counts for each by itself', async () => {
    const quotas: Quota[] = [{ match: 'docker.io/library/*', bytes: 1.5 * layer }];
    await using fixture = await MirrorFixture.open({ space: { quotas } });

    await pullNew(fixture, 'one', 'two');
    await fixture.clock.advance(61_000);
    const newer = publish(fixture, 'one', layer, { seed: 99 });
    await pull(fixture, 'one', newer);
    await fixture.settled();

    expect(await cachedBlobs(fixture)).toContain(newer.layers[0]?.digest);
    expect((await cachedBlobs(fixture)).size).toBe(4);
    expect(await heldOf(fixture, 'two')).toBeGreaterThan(layer);
  });

  it('lets a blob pass through that is larger', async () => {
    const quotas: Quota[] = [{ match: 'docker.io/library/one', bytes: layer / 2 }];
    await using fixture = await MirrorFixture.open({ space: { quotas } });

    await pullNew(fixture, 'one', 'two');

    expect(await heldOf(fixture, 'one')).toBeLessThan(layer / 2);
    expect(await heldOf(fixture, 'two')).toBeGreaterThan(layer);
  });

  it('that is lowered is kept from the next start on', async () => {
    const quotas: Quota[] = [];
    await using fixture = await MirrorFixture.open({ space: { quotas } });
    await pullNew(fixture, 'one');

    quotas.push({ match: 'docker.io/**', bytes: 10 });
    await fixture.restart();

    await eventually(60_000, 'an eviction', async () => (await cachedBlobs(fixture)).size === 0);
    expect(await heldOf(fixture, 'one')).toBe(0);
  });
});
