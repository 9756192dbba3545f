import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { makeImage } from '../../support/image.ts';
import { byTag, MirrorHouse, readAll, target } from '../../support/mirror-house.ts';

const day = 24 * 60 * 60 * 1000;
const hour = 60 * 60 * 1000;
const used = makeImage({ seed: 1, layers: [100_000] });
const forgotten = makeImage({ seed: 2, layers: [100_000] });

async function pull(house: MirrorHouse, name: string, image: typeof used): Promise<void> {
  await house.mirror.manifest(target(name), byTag('latest'), 'GET');
  for (const { digest } of [image.config, ...image.layers]) {
    await readAll(await house.mirror.openBlob(target(name), digest));
  }
}

async function open(ttlMs: number): Promise<MirrorHouse> {
  const house = await MirrorHouse.open({ policy: { ttlMs } });
  for (const [name, image] of [
    ['library/used', used],
    ['library/forgotten', forgotten],
  ] as const) {
    house.upstream.addManifest(name, image.bytes, 'latest');
    for (const { bytes } of [image.config, ...image.layers]) house.upstream.addBlob(name, bytes);
    await pull(house, name, image);
  }
  // Waits for the commits of the last fills.
  await house.restart();
  return house;
}

describe('proxy.ttl', () => {
  it('counts from the last use: what is pulled every day stays, what is not goes with its bytes', async () => {
    await using house = await open(7 * day);
    for (let days = 0; days < 10; days += 1) {
      await house.clock.advance(day);
      await house.mirror.manifest(target('library/used'), byTag('latest'), 'GET');
    }
    await house.clock.advance(hour);
    await house.restart();
    house.upstream.before = () => {
      throw new UpstreamError('unavailable', 'gone');
    };

    const kept = await Array.fromAsync(house.content.list());
    expect(new Set(kept.map(({ digest }) => digest))).toEqual(
      new Set([used.config.digest, used.layers[0]?.digest]),
    );
    expect((await house.mirror.manifest(target('library/used'), byTag('latest'), 'GET')).bytes).toEqual(
      used.bytes,
    );
    await expect(
      house.mirror.manifest(target('library/forgotten'), byTag('latest'), 'GET'),
    ).rejects.toMatchObject({ status: 503 });
  });

  it('does not take the bytes of a blob that is pulled again in the meantime', async () => {
    const layer = Buffer.alloc(100_000, 'again');
    const digest = digestOf(layer);
    let pulledAgain = 0;
    await using house = await MirrorHouse.open({
      policy: { ttlMs: day },
      wrapMetadata: (metadata) => {
        const expire = metadata.expire.bind(metadata);
        metadata.expire = async (before) => {
          const expired = await expire(before);
          for (const blob of expired) {
            await metadata.putBlob(blob, layer.length);
            pulledAgain += 1;
          }
          return expired;
        };
        return metadata;
      },
    });
    house.upstream.addBlob('library/hello', layer);
    await readAll(await house.mirror.openBlob(target('library/hello'), digest));
    await house.restart();
    await house.clock.advance(2 * day);
    await house.restart();
    // Waits for the round that has begun.
    await house.restart();

    expect(pulledAgain).toBeGreaterThan(0);
    expect(await house.content.size(digest)).toBe(layer.length);
  });

  it('of 0 keeps everything', async () => {
    await using house = await open(0);
    await house.clock.advance(365 * day);
    await house.restart();

    expect(await Array.fromAsync(house.content.list())).toHaveLength(4);
  });
});
