import { readdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { heldBackBytes } from '../../../src/mirror/fill/fill.ts';
import { digestHex, digestOf } from '../../../src/oci/digest.ts';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { within } from '../../support/deadline.ts';
import { makeImage, noise } from '../../support/image.ts';
import { byTag, MirrorFixture, readAll, target } from '../../support/mirror-fixture.ts';
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
async function settled(fixture: MirrorFixture, promise: Promise<unknown>): Promise<void> {
  const end = promise.then(
    () => true,
    () => true,
  );
  while (!(await Promise.race([end, fixture.clock.advance(10_000).then(() => false)])));
}

describe('a blob', () => {
  it('is fetched once, stored, and served from the store from then on', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);

    const cold = await fixture.mirror.openBlob(hello, digest);
    expect(cold.result).toBe('miss');
    expect((await readAll(cold)).equals(large)).toBe(true);
    await fixture.restart();
    const hot = await fixture.mirror.openBlob(hello, digest);

    expect(hot).toMatchObject({ result: 'hit', size: large.length });
    expect((await readAll(hot)).equals(large)).toBe(true);
    expect(fixture.upstream.count('BLOB')).toBe(1);
  });

  it('is downloaded once for many readers, each from its own position', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);

    const bodies = await Promise.all(
      Array.from({ length: 32 }, async (_, index) => {
        const blob = await fixture.mirror.openBlob(hello, digest);
        return { at: index * 1000, bytes: await readAll(blob, index * 1000) };
      }),
    );

    expect(bodies.every(({ at, bytes }) => bytes.equals(large.subarray(at)))).toBe(true);
    expect(fixture.upstream.count('BLOB')).toBe(1);
  });

  it('goes out while it arrives, except for its end', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    fixture.upstream.body = async function* (bytes, offset) {
      yield* wholeBody(bytes, offset);
      await opened;
    };
    const blob = await fixture.mirror.openBlob(hello, digest);
    const buffer = Buffer.alloc(large.length);
    let received = 0;
    while (received < large.length - heldBackBytes) {
      received += await within(60_000, 'bytes', blob.read(buffer, buffer.length, received));
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
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    fixture.upstream.body = async function* (bytes, offset) {
      const wrong = Buffer.from(bytes);
      wrong[100] = (wrong[100] ?? 0) ^ 1;
      yield* wholeBody(wrong, offset);
    };
    const bad = await fixture.mirror.openBlob(hello, digest);
    await expect(readAll(bad)).rejects.toMatchObject({ status: 502 });
    fixture.upstream.body = wholeBody;

    const good = await fixture.mirror.openBlob(hello, digest);

    expect((await readAll(good)).equals(large)).toBe(true);
    expect(fixture.upstream.requests.filter((request) => request.endsWith(' 0')).length).toBe(2);
  });

  it('that is small and wrong is refused before its first byte', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', Buffer.from('{"right":true}'));
    fixture.upstream.body = () => wholeBody(Buffer.from('{"wrong":true}'), 0);

    const blob = await fixture.mirror.openBlob(hello, digest);

    await expect(blob.read(Buffer.alloc(10), 10, 0)).rejects.toMatchObject({ status: 502 });
    await blob.close();
  });

  it('goes on from where it was cut, and only attempts without a byte count', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    fixture.upstream.body = async function* (bytes, offset) {
      yield bytes.subarray(offset, offset + 20_000);
      cut();
    };

    const blob = await fixture.mirror.openBlob(hello, digest);
    const reading = readAll(blob);
    await settled(fixture, reading);

    expect((await reading).equals(large)).toBe(true);
    expect(fixture.upstream.requests.slice(0, 3)).toEqual([
      `BLOB library/hello ${digest} 0`,
      `BLOB library/hello ${digest} 20000`,
      `BLOB library/hello ${digest} 40000`,
    ]);
  });

  it('gives up, truthfully, when nothing comes any more, and keeps what it has for the next request', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    let down = false;
    fixture.upstream.before = () => {
      if (down) cut();
    };
    fixture.upstream.body = async function* (bytes, offset) {
      yield bytes.subarray(offset, offset + 100_000);
      down = true;
      cut();
    };
    const failing = readAll(await fixture.mirror.openBlob(hello, digest));
    failing.catch(() => undefined);
    for (let round = 0; round < 10; round += 1) await fixture.clock.advance(10_000);
    await expect(failing).rejects.toMatchObject({ status: 503 });

    down = false;
    fixture.upstream.body = wholeBody;
    fixture.upstream.requests.length = 0;
    const resumed = await readAll(await fixture.mirror.openBlob(hello, digest));

    expect(resumed.equals(large)).toBe(true);
    expect(fixture.upstream.requests.at(-1)).toBe(`BLOB library/hello ${digest} 100000`);
  });

  it('skips what it has when upstream ignores the range', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    const honest = fixture.upstream.openBlob.bind(fixture.upstream);
    let attempts = 0;
    fixture.upstream.openBlob = async (...request) => {
      attempts += 1;
      const stream = await honest(...request);
      if (attempts > 1) return { ...stream, offset: 0, body: wholeBody(large, 0) };
      return { ...stream, body: beginning() };
    };

    const reading = readAll(await fixture.mirror.openBlob(hello, digest));
    await settled(fixture, reading);

    expect((await reading).equals(large)).toBe(true);
    expect(attempts).toBe(2);
  });

  it('is asked for whole where upstream answers ranges with nonsense', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    const honest = fixture.upstream.openBlob.bind(fixture.upstream);
    const offsets: number[] = [];
    fixture.upstream.openBlob = async (name, blob, range) => {
      const { offset } = range;
      offsets.push(offset);
      if (offset > 0) throw new UpstreamError('invalid', 'another range than was asked for');
      const stream = await honest(name, blob, { ...range, offset: 0 });
      if (offsets.length > 1) return stream;
      return { ...stream, body: beginning() };
    };

    const reading = readAll(await fixture.mirror.openBlob(hello, digest));
    await settled(fixture, reading);

    expect((await reading).equals(large)).toBe(true);
    expect(offsets).toEqual([0, 123_456, 0]);
  });

  it('that upstream does not begin to give in time is given up after a second try', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    fixture.upstream.before = (request) => {
      if (request.startsWith('BLOB')) throw new UpstreamError('timeout', 'no answer in time');
    };

    const opening = fixture.mirror.openBlob(hello, digest);
    await settled(fixture, opening);

    await expect(opening).rejects.toMatchObject({ status: 504 });
    expect(fixture.upstream.count('BLOB')).toBe(2);
  });

  it('of which upstream states too small a size is whole all the same, where a manifest states the right one', async () => {
    await using fixture = await MirrorFixture.open();
    fixture.upstream.addManifest('library/hello', image.bytes, 'latest');
    const [layer] = image.layers;
    const digest = fixture.upstream.addBlob('library/hello', layer?.bytes ?? Buffer.alloc(0));
    await fixture.mirror.manifest(hello, byTag('latest'), 'GET');
    const honest = fixture.upstream.openBlob.bind(fixture.upstream);
    fixture.upstream.openBlob = async (...request) => ({ ...(await honest(...request)), size: 12 });

    const blob = await fixture.mirror.openBlob(hello, digest);

    expect(blob.size).not.toBe(12);
    expect((await readAll(blob)).equals(layer?.bytes ?? Buffer.alloc(0))).toBe(true);
  });

  it('keeps arriving when its only reader leaves', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    fixture.upstream.body = async function* (bytes, offset) {
      yield bytes.subarray(offset, 200_000);
      await opened;
      yield* wholeBody(bytes, 200_000);
    };
    const blob = await fixture.mirror.openBlob(hello, digest);
    await blob.read(Buffer.alloc(10), 10, 0);
    const waiting = blob.read(Buffer.alloc(10), 10, 400_000);
    await blob.close();
    await expect(within(60_000, 'the waiting read', waiting)).rejects.toThrow();
    open();

    const later = await fixture.mirror.openBlob(hello, digest);

    expect((await readAll(later)).equals(large)).toBe(true);
    expect(fixture.upstream.count('BLOB')).toBe(1);
  });

  it('survives a shutdown in the middle as a partial blob that is resumed', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);
    fixture.upstream.body = async function* (bytes, offset) {
      yield bytes.subarray(offset, 200_000);
      await new Promise((_resolve, reject) =>
        setTimeout(reject, 100, new UpstreamError('aborted', 'aborted')),
      );
    };
    const blob = await fixture.mirror.openBlob(hello, digest);
    await blob.read(Buffer.alloc(10), 10, 0);
    await blob.close();
    await fixture.restart();
    fixture.upstream.body = wholeBody;

    const resumed = await readAll(await fixture.mirror.openBlob(hello, digest));

    expect(resumed.equals(large)).toBe(true);
    expect(fixture.upstream.requests.at(-1)).toBe(`BLOB library/hello ${digest} 200000`);
    await fixture.restart();
    expect(await Array.fromAsync(fixture.content.listPartial())).toEqual([]);
  });

  it('that upstream does not have is unknown; a HEAD never downloads it', async () => {
    await using fixture = await MirrorFixture.open();
    const digest = fixture.upstream.addBlob('library/hello', large);

    await expect(fixture.mirror.statBlob(hello, digestOf(Buffer.from('no')))).rejects.toMatchObject({
      code: 'BLOB_UNKNOWN',
    });
    expect(await fixture.mirror.statBlob(hello, digest)).toMatchObject({ size: large.length });
    expect(await fixture.mirror.statBlob(hello, digest)).toMatchObject({ result: 'hit' });
    expect(fixture.upstream.count('BLOB')).toBe(0);
    expect(fixture.upstream.count('STAT')).toBe(2);
  });

  it('that vanished from the disk, or was cut short there, is fetched anew', async () => {
    for (const damage of [rm, (path: string) => truncate(path, 1000)]) {
      await using fixture = await MirrorFixture.open();
      const digest = fixture.upstream.addBlob('library/hello', large);
      await readAll(await fixture.mirror.openBlob(hello, digest));
      await fixture.restart();
      const files = await readdir(fixture.path, { recursive: true });
      await damage(
        join(fixture.path, files.find((file) => file.endsWith(digestHex(digest))) ?? 'no such file'),
      );

      const again = await readAll(await fixture.mirror.openBlob(hello, digest));

      expect(again.equals(large)).toBe(true);
      expect(fixture.upstream.count('BLOB')).toBe(2);
    }
  });
});
