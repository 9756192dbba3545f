import { readdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { heldBackBytes } from '../../../src/mirror/fill/fill.ts';
import { digestHex, digestOf } from '../../../src/oci/digest.ts';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { within } from '../../support/deadline.ts';
import { makeImage, noise } from '../../support/image.ts';
import { byTag, MirrorHouse, readAll, target } from '../../support/mirror-house.ts';
import { wholeBody } from '../../support/scripted-upstream.ts';

const hello = target('library/hello');
const large = noise(500_000, 'large');
const image = makeImage({ layers: [500_000] });

function cut(): never {
  throw new UpstreamError('unavailable', 'the connection was reset');
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
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
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

  it('of which upstream states too small a size is whole all the same, where a manifest states the right one', async () => {
    await using house = await MirrorHouse.open();
    house.upstream.addManifest('library/hello', image.bytes, 'latest');
    const [layer] = image.layers;
    const digest = house.upstream.addBlob('library/hello', layer?.bytes ?? Buffer.alloc(0));
    await house.mirror.manifest(hello, byTag('latest'), 'GET');
    const honest = house.upstream.openBlob.bind(house.upstream);
    house.upstream.openBlob = async (...request) => ({ ...(await honest(...request)), size: 12 });

    const blob = await house.mirror.openBlob(hello, digest);

    expect(blob.size).not.toBe(12);
    expect((await readAll(blob)).equals(layer?.bytes ?? Buffer.alloc(0))).toBe(true);
  });

  it('keeps arriving when its only reader leaves', async () => {
    await using house = await MirrorHouse.open();
    const digest = house.upstream.addBlob('library/hello', large);
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
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
