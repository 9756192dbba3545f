import { readdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { heldBackBytes } from '../../../src/mirror/fill.ts';
import { digestHex, digestOf } from '../../../src/oci/digest.ts';
import type { ContentStore } from '../../../src/store/content-store.ts';
import { StoreError } from '../../../src/store/store-error.ts';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { eventually, within } from '../../support/deadline.ts';
import { makeImage, noise } from '../../support/image.ts';
import { byTag, MirrorHouse, readAll, target } from '../../support/mirror-house.ts';
import { wholeBody } from '../../support/scripted-upstream.ts';

const hello = target('library/hello');
const stranger = target('someone/else');
const large = noise(500_000, 'large');
const image = makeImage({ layers: [500_000] });

function cut(): never {
  throw new UpstreamError('unavailable', 'the connection was reset');
}

/** A gate that a scripted body can wait at. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** The first 123,456 bytes of `large`, and then a cut. */
async function* beginning(): AsyncGenerator<Buffer> {
  yield large.subarray(0, 123_456);
  cut();
}

/** Moves time on until the promise has come to its end, whichever. */
async function settled(house: MirrorHouse, promise: Promise<unknown>): Promise<void> {
  const end = promise.then(
    () => true,
    () => true,
  );
  while (!(await Promise.race([end, house.clock.advance(10_000).then(() => false)])));
}

describe('a blob', () => {
  it('is fetched once, stored, and served from the store from then on', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);

    const cold = await house.mirror.openBlob(hello, digest);
    expect(cold.result).toBe('miss');
    expect((await readAll(cold)).equals(large)).toBe(true);
    await house.restart();
    const hot = await house.mirror.openBlob(hello, digest);

    expect(hot).toMatchObject({ result: 'hit', size: large.length });
    expect((await readAll(hot)).equals(large)).toBe(true);
    expect(house.upstream.count('BLOB')).toBe(1);
  });

  it('is downloaded once for many readers, each from its own position', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);

    const bodies = await Promise.all(
      Array.from({ length: 32 }, async (_, index) => {
        const blob = await house.mirror.openBlob(hello, digest);
        return { at: index * 1000, bytes: await readAll(blob, index * 1000) };
      }),
    );

    expect(bodies.every(({ at, bytes }) => bytes.equals(large.subarray(at)))).toBe(true);
    expect(house.upstream.count('BLOB')).toBe(1);
  });

  it('goes out while it arrives, except for its end', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);
    const { opened, open } = gate();
    house.upstream.body = async function* (bytes, offset) {
      yield* wholeBody(bytes, offset);
      await opened;
    };
    const blob = await house.mirror.openBlob(hello, digest);
    const buffer = Buffer.alloc(large.length);
    let received = 0;
    while (received < large.length - heldBackBytes) {
      received += await within(20_000, 'bytes', blob.read(buffer, buffer.length, received));
    }
    const rest = blob.read(buffer, buffer.length, received);

    const early = await Promise.race([rest, new Promise((resolve) => setTimeout(resolve, 50, 'withheld'))]);
    expect(received).toBe(large.length - heldBackBytes);
    expect(early).toBe('withheld');
    open();
    expect(await rest).toBe(heldBackBytes);
    await blob.close();
  });

  it('that does not match its digest never ends well, is not kept, and is clean the next time', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);
    house.upstream.body = async function* (bytes, offset) {
      const wrong = Buffer.from(bytes);
      wrong[100] = (wrong[100] ?? 0) ^ 1;
      yield* wholeBody(wrong, offset);
    };
    const bad = await house.mirror.openBlob(hello, digest);
    await expect(readAll(bad)).rejects.toMatchObject({ status: 502 });
    house.upstream.body = wholeBody;

    const good = await house.mirror.openBlob(hello, digest);

    expect((await readAll(good)).equals(large)).toBe(true);
    expect(house.upstream.requests.filter((request) => request.endsWith(' 0')).length).toBe(2);
  });

  it('that is small and wrong is refused before its first byte', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', Buffer.from('{"right":true}'));
    house.upstream.body = () => wholeBody(Buffer.from('{"wrong":true}'), 0);

    const blob = await house.mirror.openBlob(hello, digest);

    await expect(blob.read(Buffer.alloc(10), 10, 0)).rejects.toMatchObject({ status: 502 });
    await blob.close();
  });

  it('goes on from where it was cut, and only attempts without a byte count', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);
    house.upstream.body = async function* (bytes, offset) {
      yield bytes.subarray(offset, offset + 20_000);
      cut();
    };

    const blob = await house.mirror.openBlob(hello, digest);
    const reading = readAll(blob);
    await settled(house, reading);

    expect((await reading).equals(large)).toBe(true);
    expect(house.upstream.requests.slice(0, 3)).toEqual([
      `BLOB library/hello ${digest} 0`,
      `BLOB library/hello ${digest} 20000`,
      `BLOB library/hello ${digest} 40000`,
    ]);
  });

  it('gives up, truthfully, when nothing comes any more, and keeps what it has for the next request', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);
    let down = false;
    house.upstream.before = () => {
      if (down) cut();
    };
    house.upstream.body = async function* (bytes, offset) {
      yield bytes.subarray(offset, offset + 100_000);
      down = true;
      cut();
    };
    const failing = readAll(await house.mirror.openBlob(hello, digest));
    failing.catch(() => undefined);
    for (let round = 0; round < 10; round += 1) await house.clock.advance(10_000);
    await expect(failing).rejects.toMatchObject({ status: 503 });

    down = false;
    house.upstream.body = wholeBody;
    house.upstream.requests.length = 0;
    const resumed = await readAll(await house.mirror.openBlob(hello, digest));

    expect(resumed.equals(large)).toBe(true);
    expect(house.upstream.requests.at(-1)).toBe(`BLOB library/hello ${digest} 100000`);
  });

  it('skips what it has when upstream ignores the range', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);
    const honest = house.upstream.openBlob.bind(house.upstream);
    let attempts = 0;
    house.upstream.openBlob = async (...request) => {
      attempts += 1;
      const stream = await honest(...request);
      if (attempts > 1) return { ...stream, offset: 0, body: wholeBody(large, 0) };
      return { ...stream, body: beginning() };
    };

    const reading = readAll(await house.mirror.openBlob(hello, digest));
    await settled(house, reading);

    expect((await reading).equals(large)).toBe(true);
    expect(attempts).toBe(2);
  });

  it('is asked for whole where upstream answers ranges with nonsense', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);
    const honest = house.upstream.openBlob.bind(house.upstream);
    const offsets: number[] = [];
    house.upstream.openBlob = async (name, blob, offset, options) => {
      offsets.push(offset);
      if (offset > 0) throw new UpstreamError('invalid', 'another range than was asked for');
      const stream = await honest(name, blob, 0, options);
      if (offsets.length > 1) return stream;
      return { ...stream, body: beginning() };
    };

    const reading = readAll(await house.mirror.openBlob(hello, digest));
    await settled(house, reading);

    expect((await reading).equals(large)).toBe(true);
    expect(offsets).toEqual([0, 123_456, 0]);
  });

  it('that upstream does not begin to give in time is given up after a second try', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);
    house.upstream.before = (request) => {
      if (request.startsWith('BLOB')) throw new UpstreamError('timeout', 'no answer in time');
    };

    const opening = house.mirror.openBlob(hello, digest);
    await settled(house, opening);

    await expect(opening).rejects.toMatchObject({ status: 504 });
    expect(house.upstream.count('BLOB')).toBe(2);
  });

  it('is believed over the size that upstream states, where a manifest gives one', async () => {
    await using house = await MirrorHouse.open();
    house.upstream.addManifest('library/hello', image.bytes, 'latest');
    const [layer] = image.layers;
    const digest = house.upstream.addBlob('library/hello', layer?.bytes ?? Buffer.alloc(0));
    await house.mirror.manifest(hello, byTag('latest'), 'GET');
    const honest = house.upstream.openBlob.bind(house.upstream);
    house.upstream.openBlob = async (...request) => ({ ...(await honest(...request)), size: 12 });

    const blob = await house.mirror.openBlob(hello, digest);

    expect(blob.size).toBe(500_000);
    expect((await readAll(blob)).equals(layer?.bytes ?? Buffer.alloc(0))).toBe(true);
  });

  it('keeps arriving when its only reader leaves', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);
    const { opened, open } = gate();
    house.upstream.body = async function* (bytes, offset) {
      yield bytes.subarray(offset, 200_000);
      await opened;
      yield* wholeBody(bytes, 200_000);
    };
    const blob = await house.mirror.openBlob(hello, digest);
    await blob.read(Buffer.alloc(10), 10, 0);
    const waiting = blob.read(Buffer.alloc(10), 10, 400_000);
    await blob.close();
    await expect(within(20_000, 'the waiting read', waiting)).rejects.toThrow();
    open();

    const later = await house.mirror.openBlob(hello, digest);

    expect((await readAll(later)).equals(large)).toBe(true);
    expect(house.upstream.count('BLOB')).toBe(1);
  });

  it('survives a shutdown in the middle as a partial blob that is resumed', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);
    house.upstream.body = async function* (bytes, offset) {
      yield bytes.subarray(offset, 200_000);
      await new Promise((_resolve, reject) =>
        setTimeout(reject, 100, new UpstreamError('aborted', 'aborted')),
      );
    };
    const blob = await house.mirror.openBlob(hello, digest);
    await blob.read(Buffer.alloc(10), 10, 0);
    await blob.close();
    await house.restart();
    house.upstream.body = wholeBody;

    const resumed = await readAll(await house.mirror.openBlob(hello, digest));

    expect(resumed.equals(large)).toBe(true);
    expect(house.upstream.requests.at(-1)).toBe(`BLOB library/hello ${digest} 200000`);
    await house.restart();
    expect(await Array.fromAsync(house.content.listPartial())).toEqual([]);
  });

  it('that upstream does not have is unknown; a HEAD never downloads it', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);

    await expect(house.mirror.statBlob(hello, digestOf(Buffer.from('no')))).rejects.toMatchObject({
      code: 'BLOB_UNKNOWN',
    });
    expect(await house.mirror.statBlob(hello, digest)).toMatchObject({ size: large.length });
    expect(await house.mirror.statBlob(hello, digest)).toMatchObject({ result: 'hit' });
    expect(house.upstream.count('BLOB')).toBe(0);
    expect(house.upstream.count('STAT')).toBe(2);
  });

  it('that vanished from the disk, or was cut short there, is fetched anew', async () => {
    for (const damage of [rm, (path: string) => truncate(path, 1000)]) {
      await using house = await MirrorHouse.open();
      const digest = house.upstream.addBlob('library/hello', large);
      await readAll(await house.mirror.openBlob(hello, digest));
      await house.restart();
      const files = await readdir(house.path, { recursive: true });
      await damage(
        join(house.path, files.find((file) => file.endsWith(digestHex(digest))) ?? 'no such file'),
      );

      const again = await readAll(await house.mirror.openBlob(hello, digest));

      expect(again.equals(large)).toBe(true);
      expect(house.upstream.count('BLOB')).toBe(2);
    }
  });
});

describe('the right to a blob', () => {
  it('comes with a manifest that names it: no question upstream', async () => {
    await using house = await MirrorHouse.open();
    house.upstream.addManifest('library/hello', image.bytes, 'latest');
    await house.mirror.manifest(hello, byTag('latest'), 'GET');
    house.upstream.requests.length = 0;

    const stat = await house.mirror.statBlob(hello, image.config.digest);

    expect(stat).toMatchObject({ size: image.config.size, result: 'hit' });
    expect(house.upstream.requests).toEqual([]);
  });

  it('does not come with the bytes: another repository is refused what upstream does not give it', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);
    await readAll(await house.mirror.openBlob(hello, digest));

    await expect(house.mirror.openBlob(stranger, digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    await expect(house.mirror.statBlob(stranger, digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  it('does not come with a fill that is under way either', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);
    const { opened, open } = gate();
    house.upstream.body = async function* (bytes, offset) {
      await opened;
      yield* wholeBody(bytes, offset);
    };
    const blob = await house.mirror.openBlob(hello, digest);

    await expect(house.mirror.openBlob(stranger, digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    open();
    await readAll(blob);
  });

  it('is neither lost to a stranger who asked first and was refused, nor the stranger’s from then on', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);
    const { opened, open } = gate();
    house.upstream.before = (request) => (request.includes('someone/else') ? opened : undefined);

    const refused = house.mirror.openBlob(stranger, digest);
    refused.catch(() => undefined);
    const asked = () => house.upstream.requests.some((request) => request.includes('someone/else'));
    await eventually(20_000, 'the question of the stranger', asked);
    const rightful = house.mirror.openBlob(hello, digest).then((blob) => readAll(blob));
    rightful.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 20));
    open();

    await expect(refused).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    expect((await rightful).equals(large)).toBe(true);
    const stored = async () => (await house.metadata.blob(digest)) !== undefined;
    while (!(await stored())) await new Promise((resolve) => setImmediate(resolve));
    await house.restart();
    await expect(house.mirror.openBlob(stranger, digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  it('lets a fill go on by another repository when upstream refuses the first', async () => {
    await using house = await MirrorHouse.open();
    const [layer] = image.layers;
    const bytes = layer?.bytes ?? Buffer.alloc(0);
    for (const name of ['library/hello', 'someone/else']) {
      house.upstream.addManifest(name, image.bytes, 'latest');
      await house.mirror.manifest(target(name), byTag('latest'), 'GET');
    }
    const digest = house.upstream.addBlob('someone/else', bytes);
    const { opened, open } = gate();
    house.upstream.before = (request) => (request.startsWith('BLOB library/hello') ? opened : undefined);

    const first = house.mirror.openBlob(hello, digest).then(readAll);
    const second = house.mirror.openBlob(stranger, digest).then(readAll);
    await new Promise((resolve) => setImmediate(resolve));
    open();

    expect((await second).equals(bytes)).toBe(true);
    expect((await first).equals(bytes)).toBe(true);
  });

  it('never makes a part of a blob pass for the whole, whatever size another manifest states', async () => {
    await using house = await MirrorHouse.open();
    const [layer] = image.layers;
    const bytes = layer?.bytes ?? Buffer.alloc(0);
    house.upstream.addManifest('library/hello', image.bytes, 'latest');
    const lying = Buffer.from(image.bytes.toString().replace('500000', '100'));
    house.upstream.addManifest('someone/else', lying, 'latest');
    await house.mirror.manifest(hello, byTag('latest'), 'GET');
    await house.mirror.manifest(stranger, byTag('latest'), 'GET');
    const digest = house.upstream.addBlob('library/hello', bytes);
    house.upstream.addBlob('someone/else', bytes);

    const { opened, open } = gate();
    house.upstream.body = async function* (all, offset) {
      await opened;
      yield* wholeBody(all, offset);
    };
    const honest = await house.mirror.openBlob(hello, digest);
    const joined = await house.mirror.openBlob(stranger, digest);
    open();

    expect([honest.size, joined.size]).toEqual([bytes.length, bytes.length]);
    expect((await readAll(joined)).equals(bytes)).toBe(true);
    await honest.close();
  });

  it('is confirmed by a HEAD, and the bytes are then shared', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);
    house.upstream.addBlob('someone/else', large);
    await readAll(await house.mirror.openBlob(hello, digest));

    const shared = await readAll(await house.mirror.openBlob(stranger, digest));

    expect(shared.equals(large)).toBe(true);
    expect(house.upstream.count('BLOB')).toBe(1);
    expect(house.upstream.count('STAT someone/else')).toBe(1);
  });

  it('is confirmed by the beginning of a GET where HEAD states no size', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);
    house.upstream.headBlob = () => Promise.resolve(undefined);

    expect(await house.mirror.statBlob(hello, digest)).toMatchObject({ size: large.length });
  });

  it('that upstream refuses is asked for once', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);
    house.upstream.before = () => {
      throw new UpstreamError('unauthorized', 'no', { status: 401 });
    };

    await expect(house.mirror.statBlob(hello, digest)).rejects.toMatchObject({ status: 401 });
    expect(house.upstream.requests).toEqual([`STAT library/hello ${digest}`]);
  });
});

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
