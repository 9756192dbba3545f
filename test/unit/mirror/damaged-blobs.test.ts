import { rm, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { Layout } from '../../../src/store/filesystem/layout.ts';
import { StoreError } from '../../../src/store/store-error.ts';
import { makeImage, noise } from '../../support/image.ts';
import { byTag, MirrorHouse, readAll, target } from '../../support/mirror-house.ts';
import { heldBlobs, pull, shelve } from '../../support/shelf.ts';
import { wrapped } from '../../support/wrapped.ts';

const hello = target('library/hello');
const bytes = noise(300_000, 'a blob');

/** A house that has pulled the blob. */
async function holding(options: Parameters<typeof MirrorHouse.open>[0] = {}) {
  const house = await MirrorHouse.open(options);
  const digest = house.upstream.addBlob('library/hello', bytes);
  await readAll(await house.mirror.openBlob(hello, digest));
  await house.settled();
  return { house, digest, file: new Layout(house.path).blob(digest) };
}

describe('a stored blob', () => {
  for (const [damage, apply] of [
    ['cut short', (file: string) => truncate(file, 1000)],
    ['empty', (file: string) => truncate(file, 0)],
    ['too long', (file: string) => writeFile(file, Buffer.alloc(400_000))],
    ['gone', (file: string) => rm(file)],
  ] as const) {
    it(`that is ${damage} is noticed as it is served: the client gets the right bytes, and it is stored anew`, async () => {
      const { house, digest, file } = await holding();
      await using _ = house;
      await apply(file);

      const first = await readAll(await house.mirror.openBlob(hello, digest));
      await house.settled();
      const second = await readAll(await house.mirror.openBlob(hello, digest), 100);

      expect(first.equals(bytes)).toBe(true);
      expect(second.equals(bytes.subarray(100))).toBe(true);
      expect(house.upstream.count('BLOB')).toBe(2);
      expect(house.log.filter(({ level }) => level === 50)).toHaveLength(1);
      const aside = await Array.fromAsync(house.content.listQuarantined());
      expect(aside.map((one) => one.digest)).toEqual(damage === 'gone' ? [] : [digest]);
    });
  }

  it('that cannot be read from its first byte on comes from upstream in the same answer', async () => {
    let unreadable = false;
    const { house, digest } = await holding({
      wrapContent: (content) =>
        wrapped(content, {
          open: async (wanted) => {
            const reader = await content.open(wanted);
            return (
              reader &&
              wrapped(reader, {
                read: (...request) => {
                  if (unreadable) throw new StoreError('IO', 'reading a blob failed: EIO');
                  return reader.read(...request);
                },
              })
            );
          },
        }),
    });
    await using _ = house;
    unreadable = true;

    const answer = await house.mirror.openBlob(hello, digest);
    unreadable = false;
    const failing = await house.mirror.openBlob(hello, digest);
    unreadable = true;
    const got = await readAll(answer, 50_000);
    await failing.close();
    await house.settled();

    expect(got.equals(bytes.subarray(50_000))).toBe(true);
    expect(house.upstream.count('BLOB')).toBe(2);
    expect(house.space.inUse.has(digest)).toBe(false);
    expect((await Array.fromAsync(house.content.listQuarantined())).length).toBe(1);
  });

  it('that cannot be read any further cuts the answer, and is fetched anew by the next one', async () => {
    let reads = 0;
    const { house, digest } = await holding({
      wrapContent: (content) =>
        wrapped(content, {
          open: async (wanted) => {
            const reader = await content.open(wanted);
            return (
              reader &&
              wrapped(reader, {
                read: (...request) => {
                  reads += 1;
                  if (reads === 3) throw new StoreError('IO', 'reading a blob failed: EIO');
                  return reader.read(...request);
                },
              })
            );
          },
        }),
    });
    await using _ = house;

    await expect(readAll(await house.mirror.openBlob(hello, digest))).rejects.toMatchObject({ status: 500 });
    const next = await readAll(await house.mirror.openBlob(hello, digest));

    expect(next.equals(bytes)).toBe(true);
    expect(house.upstream.count('BLOB')).toBe(2);
  });

  it('without its row is taken up when its size is the one that its manifest states, and put aside when not', async () => {
    await using house = await MirrorHouse.open();
    const image = shelve(house, 'hello', 50_000);
    await pull(house, 'hello', image);
    await house.settled();
    const [layer] = image.layers;
    if (layer === undefined) throw new Error('no layer');
    await house.metadata.removeBlob(layer.digest);
    await pull(house, 'hello', image);
    expect(house.upstream.count(`BLOB library/hello ${layer.digest}`)).toBe(1);
    expect(await house.metadata.blob(layer.digest)).toBe(layer.size);

    await house.metadata.removeBlob(layer.digest);
    await truncate(new Layout(house.path).blob(layer.digest), 100);
    await pull(house, 'hello', image);
    await house.settled();

    expect(house.upstream.count(`BLOB library/hello ${layer.digest}`)).toBe(2);
    expect(await house.metadata.blob(layer.digest)).toBe(layer.size);
  });

  it('without its row is not put aside because a manifest states another size', async () => {
    const { house, digest } = await holding();
    await using _ = house;
    const other = makeImage({ layers: [4096] });
    const lie = other.bytes.toString().replace(other.layers[0]?.digest ?? '', digest);
    house.upstream.addManifest('library/evil', Buffer.from(lie), 'latest');
    house.upstream.addBlob('library/evil', bytes);
    await house.mirror.manifest(target('library/evil'), byTag('latest'), 'GET');
    await house.metadata.removeBlob(digest);

    const { size } = await house.mirror.statBlob(target('library/evil'), digest);

    expect(size).toBe(bytes.length);
    expect(await house.metadata.blob(digest)).toBe(bytes.length);
    expect(await Array.fromAsync(house.content.listQuarantined())).toEqual([]);
    expect(house.upstream.count('BLOB')).toBe(1);
  });
});

describe('what an eviction has left when the power went', () => {
  it('is removed after the next start, without a pull', async () => {
    await using house = await MirrorHouse.open();
    const image = shelve(house, 'hello', 1000);
    await pull(house, 'hello', image);
    await house.settled();
    const keeper = { isPinned: () => false, isInUse: () => false };
    const { blobs } = await house.metadata.evictions.evict({ keeper });
    expect((await heldBlobs(house)).size).toBe(2);

    await house.restart();
    while ((await house.metadata.evictions.condemned(10)).length > 0) await house.clock.advance(0);

    expect(blobs).toHaveLength(2);
    expect((await heldBlobs(house)).size).toBe(0);
  });

  it('is not taken for a blob that a crash has left without its row', async () => {
    await using house = await MirrorHouse.open();
    const image = shelve(house, 'hello', 1000);
    await pull(house, 'hello', image);
    await house.settled();
    const reading = await house.mirror.openBlob(hello, image.config.digest);
    const keeper = { isPinned: () => false, isInUse: () => false };
    await house.metadata.evictions.evict({ keeper });

    const got = await readAll(await house.mirror.openBlob(hello, image.config.digest));
    await reading.close();
    await house.settled();

    expect(got.equals(image.config.bytes)).toBe(true);
    expect(house.upstream.count(`BLOB library/hello ${image.config.digest}`)).toBe(1);
    expect(await house.metadata.evictions.isCondemned(image.config.digest)).toBe(false);
    expect(await house.metadata.blob(image.config.digest)).toBe(image.config.size);
  });
});
