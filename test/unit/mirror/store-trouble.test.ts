import { describe, expect, it } from 'vitest';
import type { ContentStore } from '../../../src/store/content-store.ts';
import { StoreError } from '../../../src/store/store-error.ts';
import { eventually } from '../../support/deadline.ts';
import { makeImage, noise } from '../../support/image.ts';
import { byTag, MirrorFixture, readAll, target } from '../../support/mirror-fixture.ts';
import { wholeBody } from '../../support/scripted-upstream.ts';
import { cachedBlobs, pull, publish } from '../../support/published-image.ts';
import { wrapped } from '../../support/wrapped.ts';

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
      await using fixture = await MirrorFixture.open({ wrapContent: failing(at, 'NO_SPACE') });
      const digest = fixture.upstream.addBlob('library/hello', large);

      const bodies = await Promise.all(
        [0, 77_777, 450_000].map(async (start) => {
          const blob = await fixture.mirror.openBlob(hello, digest);
          return (await readAll(blob, start)).equals(large.subarray(start));
        }),
      );

      expect(bodies).toEqual([true, true, true]);
    });
  }

  it('never makes a part of a blob pass for the whole, though a HEAD states too small a size', async () => {
    await using fixture = await MirrorFixture.open({ wrapContent: failing('ingest', 'NO_SPACE') });
    const digest = fixture.upstream.addBlob('library/hello', large);
    fixture.upstream.headBlob = () => Promise.resolve(200_000);
    const honest = fixture.upstream.openBlob.bind(fixture.upstream);
    fixture.upstream.openBlob = async (...request) => ({ ...(await honest(...request)), size: undefined });

    const blob = await fixture.mirror.openBlob(hello, digest);

    expect(blob.size).toBe(200_000);
    await expect(readAll(blob)).rejects.toMatchObject({ status: 502 });
  });

  it('gives the stretches of a blob in whatever order they are read', async () => {
    await using fixture = await MirrorFixture.open({ wrapContent: failing('ingest', 'NO_SPACE') });
    const digest = fixture.upstream.addBlob('library/hello', large);

    const blob = await fixture.mirror.openBlob(hello, digest);
    const buffer = Buffer.alloc(1000);
    const stretches = [];
    for (const position of [10_000, 400_000, 0, 499_000]) {
      const count = await blob.read(buffer, buffer.length, position);
      stretches.push([
        position,
        buffer.subarray(0, count).equals(large.subarray(position, position + count)),
      ]);
    }
    await blob.close();

    expect(stretches).toEqual([10_000, 400_000, 0, 499_000].map((position) => [position, true]));
  });

  it('does not let wrong bytes through', async () => {
    await using fixture = await MirrorFixture.open({ wrapContent: failing('ingest', 'NOT_WRITABLE') });
    const digest = fixture.upstream.addBlob('library/hello', large);
    fixture.upstream.body = () => wholeBody(noise(500_000, 'other'), 0);

    const blob = await fixture.mirror.openBlob(hello, digest);

    await expect(readAll(blob)).rejects.toMatchObject({ status: 502 });
  });

  it('whose database fails still passes tags, manifests and blobs through', async () => {
    await using fixture = await MirrorFixture.open({ wrapMetadata: locked });
    fixture.upstream.addManifest('library/hello', image.bytes, 'latest');
    for (const { bytes } of [image.config, ...image.layers]) fixture.upstream.addBlob('library/hello', bytes);

    const manifest = await fixture.mirror.manifest(hello, byTag('latest'), 'GET');
    const layer = await readAll(
      await fixture.mirror.openBlob(hello, image.layers[0]?.digest ?? image.digest),
    );

    expect(manifest.bytes).toEqual(image.bytes);
    expect(layer.length).toBe(500_000);
    expect(await fixture.mirror.readiness()).toMatchObject({
      ready: false,
      problems: [expect.stringContaining('LOCKED') as string],
    });
  });

  it('is not tried with whole blobs while it lasts, and is said once; then blobs are stored again', async () => {
    let failing = true;
    let begun = 0;
    const refuse = (): void => {
      if (failing) throw new StoreError('NOT_WRITABLE', 'writing a blob failed: EROFS');
    };
    await using fixture = await MirrorFixture.open({
      wrapContent: (content) =>
        wrapped(content, {
          ingest: async (digest) => {
            begun += 1;
            refuse();
            return content.ingest(digest);
          },
          check: async () => {
            refuse();
          },
        }),
    });
    const digest = fixture.upstream.addBlob('library/hello', large);

    for (let times = 0; times < 5; times += 1) {
      const body = await readAll(await fixture.mirror.openBlob(hello, digest));
      expect(body.equals(large)).toBe(true);
    }
    expect(begun).toBe(1);
    expect((await fixture.mirror.readiness()).ready).toBe(false);
    failing = false;
    await fixture.clock.advance(5000);
    await eventually(60_000, 'the store to be back', async () => (await fixture.mirror.readiness()).ready);
    await readAll(await fixture.mirror.openBlob(hello, digest));
    await fixture.settled();

    expect(await fixture.metadata.blob(digest)).toBe(large.length);
    expect(fixture.log.filter(({ level }) => Number(level) >= 40)).toHaveLength(1);
    expect(fixture.log.filter(({ msg }) => String(msg).startsWith('the cache works again'))).toHaveLength(1);
  });

  it('keeps what came meanwhile in memory, and writes it down once upstream has confirmed it again', async () => {
    let failing = true;
    await using fixture = await MirrorFixture.open({
      wrapMetadata: (metadata) =>
        wrapped(metadata, {
          putManifest: async (...request) => {
            if (failing) throw new StoreError('LOCKED', 'database is locked');
            await metadata.putManifest(...request);
          },
        }),
    });
    fixture.upstream.addManifest('library/hello', image.bytes, 'latest');
    await fixture.mirror.manifest(hello, byTag('latest'), 'GET');

    failing = false;
    await fixture.clock.advance(61_000);
    await fixture.mirror.manifest(hello, byTag('latest'), 'HEAD');
    await fixture.restart();
    fixture.upstream.before = () => {
      throw new Error('upstream is not to be asked');
    };

    expect((await fixture.mirror.manifest(hello, byTag('latest'), 'GET')).bytes).toEqual(image.bytes);
  });

  it('whose disk is full makes room for the next blob by evicting what is oldest', async () => {
    let room = 700_000;
    await using fixture = await MirrorFixture.open({
      wrapContent: (content) =>
        wrapped(content, {
          ingest: async (digest) => {
            const ingest = await content.ingest(digest);
            return wrapped(ingest, {
              write: async (chunks) => {
                const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
                if (bytes > room) throw new StoreError('NO_SPACE', 'writing a blob failed: EDQUOT');
                room -= bytes;
                await ingest.write(chunks);
              },
              discard: async () => {
                room += ingest.offset;
                await ingest.discard();
              },
            });
          },
          remove: async (digest) => {
            const size = (await content.size(digest)) ?? 0;
            room += size;
            return content.remove(digest);
          },
        }),
    });
    const old = publish(fixture, 'old', 400_000);
    await pull(fixture, 'old', old);
    await fixture.settled();
    await fixture.clock.advance(60_000);
    const fresh = publish(fixture, 'fresh', 400_000);

    await pull(fixture, 'fresh', fresh);
    await fixture.settled();
    await fixture.clock.advance(5000);
    await eventually(60_000, 'the store to be back', async () => (await fixture.mirror.readiness()).ready);
    await pull(fixture, 'fresh', fresh);
    await fixture.settled();

    expect(await cachedBlobs(fixture)).toEqual(new Set([fresh.config.digest, fresh.layers[0]?.digest]));
  });
});

/** A database that another program has locked. */
function locked<T extends object>(store: T): T {
  return new Proxy(store, {
    get(inner, property) {
      const value: unknown = Reflect.get(inner, property, inner);
      if (typeof value === 'object' && value !== null) return locked(value);
      if (typeof value !== 'function' || property === 'close' || property === 'touch') {
        return typeof value === 'function' ? (value.bind(inner) as unknown) : value;
      }
      return async () => {
        throw new StoreError('LOCKED', 'database is locked');
      };
    },
  });
}
