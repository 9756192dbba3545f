import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { eventually } from '../../support/deadline.ts';
import { makeImage } from '../../support/image.ts';
import { byTag, MirrorFixture, target, type MirrorFixtureOptions } from '../../support/mirror-fixture.ts';
import { cachedBlobs, pull, publish } from '../../support/published-image.ts';

const minute = 60 * 1000;
const day = 24 * 60 * minute;

/** A fixture that holds two images, both just pulled. */
async function open(ttlMs: number, options: MirrorFixtureOptions = {}): Promise<MirrorFixture> {
  const fixture = await MirrorFixture.open({ ...options, space: { ttlMs, ...options.space } });
  for (const name of ['used', 'forgotten']) await pull(fixture, name, publish(fixture, name, 1000));
  await fixture.settled();
  return fixture;
}

function use(fixture: MirrorFixture): Promise<unknown> {
  return fixture.mirror.manifest(target('library/used'), byTag('latest'), 'GET');
}

describe('proxy.ttl', () => {
  it('counts from the last use: what is pulled every day stays, what is not goes with its bytes', async () => {
    await using fixture = await open(7 * day);
    const used = publish(fixture, 'used', 1000);
    for (let days = 0; days < 10; days += 1) {
      await fixture.clock.advance(day);
      await use(fixture);
    }
    await fixture.space.evictor.expire();
    fixture.upstream.before = () => {
      throw new UpstreamError('unavailable', 'gone');
    };

    expect(await cachedBlobs(fixture)).toEqual(new Set([used.config.digest, used.layers[0]?.digest]));
    expect(await use(fixture)).toMatchObject({ bytes: used.bytes });
    await expect(
      fixture.mirror.manifest(target('library/forgotten'), byTag('latest'), 'GET'),
    ).rejects.toMatchObject({ status: 503 });
  });

  it('is looked after each hour, without anybody asking', async () => {
    await using fixture = await open(day);
    await fixture.clock.advance(2 * day);
    await eventually(60_000, 'what is too old to go', async () => {
      // Each look lets in some I/O, for which the clock does not wait.
      await fixture.clock.advance(10 * minute);
      return fixture.log.some(({ msg }) => msg === 'evicted what was not used for proxy.ttl');
    });

    expect((await cachedBlobs(fixture)).size).toBe(0);
  });

  it('spares what is pinned', async () => {
    await using fixture = await open(day, { space: { pins: ['used'] } });
    await fixture.clock.advance(2 * day);

    await fixture.space.evictor.expire();

    expect((await cachedBlobs(fixture)).size).toBe(2);
  });

  it('is not counted by a clock that has just been set, whichever way', async () => {
    await using fixture = await open(7 * day);
    await fixture.clock.advance(minute);

    fixture.clock.set(365 * day);
    const warnings = (): string[] =>
      fixture.log.filter(({ level }) => Number(level) >= 40).map(({ msg }) => String(msg));
    await eventually(60_000, 'it to be noticed', async () => {
      await fixture.clock.advance(minute);
      return warnings().length > 0;
    });
    for (let minutes = 0; minutes < 20 * 60; minutes += 10) await fixture.clock.advance(10 * minute);

    expect((await cachedBlobs(fixture)).size).toBe(4);
    expect(warnings()).toEqual([expect.stringContaining('the clock was set')]);
  });

  it('does not take the bytes of a blob that is pulled again in the meantime', async () => {
    const image = makeImage({ layers: [100_000], seed: 5 });
    const [layer] = image.layers;
    if (layer === undefined) throw new Error('no layer');
    let pulledAgain = false;
    const again = { pull: (): Promise<void> => Promise.resolve() };
    await using fixture = await MirrorFixture.open({
      space: { ttlMs: day },
      wrapMetadata: (metadata) => {
        const { evictions } = metadata;
        const evict = evictions.evict.bind(evictions);
        evictions.evict = async (request) => {
          const eviction = await evict(request);
          if (eviction.blobs.includes(layer.digest)) await again.pull();
          return eviction;
        };
        return metadata;
      },
    });
    fixture.upstream.addManifest('library/again', image.bytes, 'latest');
    for (const { bytes } of [image.config, layer]) fixture.upstream.addBlob('library/again', bytes);
    await pull(fixture, 'again', image);
    await fixture.settled();
    again.pull = async () => {
      pulledAgain = true;
      await pull(fixture, 'again', image);
      await fixture.settled();
    };
    await fixture.clock.advance(2 * day);

    await fixture.space.evictor.expire();

    expect(pulledAgain).toBe(true);
    expect(await fixture.content.size(layer.digest)).toBe(layer.size);
    expect(await fixture.metadata.blob(layer.digest)).toBe(layer.size);
  });

  it('of 0 keeps everything', async () => {
    await using fixture = await open(0);
    await fixture.clock.advance(365 * day);

    await fixture.space.evictor.expire();

    expect((await cachedBlobs(fixture)).size).toBe(4);
  });
});
