import { describe, expect, it } from 'vitest';
import type { ContentStore } from '../../../src/store/content-store.ts';
import { StoreError } from '../../../src/store/store-error.ts';
import { makeImage, noise } from '../../support/image.ts';
import { byTag, MirrorHouse, readAll, target } from '../../support/mirror-house.ts';
import { wholeBody } from '../../support/scripted-upstream.ts';

const hello = target('library/hello');
const large = noise(500_000, 'large');
const image = makeImage({ layers: [500_000] });

describe('a store in trouble', () => {
  function failing(at: 'ingest' | 'write' | 'commit', code: 'NO_SPACE' | 'NOT_WRITABLE') {
    const trouble = (): never => {
      throw new StoreError(code, 'no');
    };
    return (content: ContentStore): ContentStore =>
      new Proxy(content, {
        get(store, property) {
          if (property !== 'ingest') return bound(store, property);
          if (at === 'ingest') return async () => trouble();
          return async (...request: Parameters<ContentStore['ingest']>) => {
            const ingest = await store.ingest(...request);
            let writes = 0;
            return new Proxy(ingest, {
              get(target, name) {
                if (name === 'commit' && at === 'commit') return async () => trouble();
                if (name === 'write' && at === 'write') {
                  return async (chunks: readonly Uint8Array[]) => {
                    writes += 1;
                    return writes > 3 ? trouble() : target.write(chunks);
                  };
                }
                return bound(target, name);
              },
            });
          };
        },
      });
  }

  function bound(object: object, property: string | symbol): unknown {
    const value: unknown = Reflect.get(object, property, object);
    return typeof value === 'function' ? (value.bind(object) as unknown) : value;
  }

  for (const at of ['ingest', 'write', 'commit'] as const) {
    it(`at ${at} turns into plain proxying, verified`, async () => {
      await using house = await MirrorHouse.open({ wrapContent: failing(at, 'NO_SPACE') });
      const digest = house.upstream.addBlob('library/hello', large);

      const bodies = await Promise.all(
        [0, 77_777, 450_000].map(async (start) => {
          const blob = await house.mirror.openBlob(hello, digest);
          return (await readAll(blob, start)).equals(large.subarray(start));
        }),
      );

      expect(bodies).toEqual([true, true, true]);
    });
  }

  it('never makes a part of a blob pass for the whole, though a HEAD states too small a size', async () => {
    await using house = await MirrorHouse.open({ wrapContent: failing('ingest', 'NO_SPACE') });
    const digest = house.upstream.addBlob('library/hello', large);
    house.upstream.headBlob = () => Promise.resolve(200_000);
    const honest = house.upstream.openBlob.bind(house.upstream);
    house.upstream.openBlob = async (...request) => ({ ...(await honest(...request)), size: undefined });

    const blob = await house.mirror.openBlob(hello, digest);

    expect(blob.size).toBe(200_000);
    await expect(readAll(blob)).rejects.toMatchObject({ status: 502 });
  });

  it('does not let wrong bytes through', async () => {
    await using house = await MirrorHouse.open({ wrapContent: failing('ingest', 'NOT_WRITABLE') });
    const digest = house.upstream.addBlob('library/hello', large);
    house.upstream.body = () => wholeBody(noise(500_000, 'other'), 0);

    const blob = await house.mirror.openBlob(hello, digest);

    await expect(readAll(blob)).rejects.toMatchObject({ status: 502 });
  });

  it('whose database fails still passes tags, manifests and blobs through', async () => {
    await using house = await MirrorHouse.open({
      wrapMetadata: (metadata) =>
        new Proxy(metadata, {
          get(store, property) {
            if (property === 'close' || property === 'touch') return bound(store, property);
            return async () => {
              throw new StoreError('LOCKED', 'database is locked');
            };
          },
        }),
    });
    house.upstream.addManifest('library/hello', image.bytes, 'latest');
    for (const { bytes } of [image.config, ...image.layers]) house.upstream.addBlob('library/hello', bytes);

    const manifest = await house.mirror.manifest(hello, byTag('latest'), 'GET');
    const layer = await readAll(await house.mirror.openBlob(hello, image.layers[0]?.digest ?? image.digest));

    expect(manifest.bytes).toEqual(image.bytes);
    expect(layer.length).toBe(500_000);
    expect(await house.mirror.readiness()).toMatchObject({ ready: false });
  });
});
