import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { eventually } from '../../support/deadline.ts';
import { makeImage } from '../../support/image.ts';
import { byTag, MirrorHouse, target, type MirrorHouseOptions } from '../../support/mirror-house.ts';
import { heldBlobs, pull, shelve } from '../../support/shelf.ts';

const minute = 60 * 1000;
const day = 24 * 60 * minute;

/** A house that holds two images, both just pulled. */
async function open(ttlMs: number, options: MirrorHouseOptions = {}): Promise<MirrorHouse> {
  const house = await MirrorHouse.open({ ...options, space: { ttlMs, ...options.space } });
  for (const name of ['used', 'forgotten']) await pull(house, name, shelve(house, name, 1000));
  await house.settled();
  return house;
}

function use(house: MirrorHouse): Promise<unknown> {
  return house.mirror.manifest(target('library/used'), byTag('latest'), 'GET');
}

describe('proxy.ttl', () => {
  it('counts from the last use: what is pulled every day stays, what is not goes with its bytes', async () => {
    await using house = await open(7 * day);
    const used = shelve(house, 'used', 1000);
    for (let days = 0; days < 10; days += 1) {
      await house.clock.advance(day);
      await use(house);
    }
    await house.space.evictor.expire();
    house.upstream.before = () => {
      throw new UpstreamError('unavailable', 'gone');
    };

    expect(await heldBlobs(house)).toEqual(new Set([used.config.digest, used.layers[0]?.digest]));
    expect(await use(house)).toMatchObject({ bytes: used.bytes });
    await expect(
      house.mirror.manifest(target('library/forgotten'), byTag('latest'), 'GET'),
    ).rejects.toMatchObject({ status: 503 });
  });

  it('is looked after each hour, without anybody asking', async () => {
    await using house = await open(day);
    await house.clock.advance(2 * day);
    await eventually(10_000, 'what is too old to go', async () => {
      // Each look lets in some I/O, for which the clock does not wait.
      await house.clock.advance(10 * minute);
      return house.log.some(({ msg }) => msg === 'evicted what nobody has used for as long as proxy.ttl');
    });

    expect((await heldBlobs(house)).size).toBe(0);
  });

  it('spares what is pinned', async () => {
    await using house = await open(day, { space: { pins: ['used'] } });
    await house.clock.advance(2 * day);

    await house.space.evictor.expire();

    expect((await heldBlobs(house)).size).toBe(2);
  });

  it('is not counted by a clock that has just been set, whichever way', async () => {
    await using house = await open(7 * day);
    await house.clock.advance(minute);

    house.clock.set(365 * day);
    const warnings = (): string[] =>
      house.log.filter(({ level }) => Number(level) >= 40).map(({ msg }) => String(msg));
    await eventually(10_000, 'it to be noticed', async () => {
      await house.clock.advance(minute);
      return warnings().length > 0;
    });
    for (let minutes = 0; minutes < 20 * 60; minutes += 10) await house.clock.advance(10 * minute);

    expect((await heldBlobs(house)).size).toBe(4);
    expect(warnings()).toEqual([expect.stringContaining('the clock was set')]);
  });

  it('does not take the bytes of a blob that is pulled again in the meantime', async () => {
    const image = makeImage({ layers: [100_000], seed: 5 });
    const [layer] = image.layers;
    if (layer === undefined) throw new Error('no layer');
    let pulledAgain = false;
    const again = { pull: (): Promise<void> => Promise.resolve() };
    await using house = await MirrorHouse.open({
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
    house.upstream.addManifest('library/again', image.bytes, 'latest');
    for (const { bytes } of [image.config, layer]) house.upstream.addBlob('library/again', bytes);
    await pull(house, 'again', image);
    await house.settled();
    again.pull = async () => {
      pulledAgain = true;
      await pull(house, 'again', image);
      await house.settled();
    };
    await house.clock.advance(2 * day);

    await house.space.evictor.expire();

    expect(pulledAgain).toBe(true);
    expect(await house.content.size(layer.digest)).toBe(layer.size);
    expect(await house.metadata.blob(layer.digest)).toBe(layer.size);
  });

  it('of 0 keeps everything', async () => {
    await using house = await open(0);
    await house.clock.advance(365 * day);

    await house.space.evictor.expire();

    expect((await heldBlobs(house)).size).toBe(4);
  });
});
