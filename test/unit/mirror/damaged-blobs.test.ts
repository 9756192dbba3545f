import { rm, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { Layout } from '../../../src/store/filesystem/layout.ts';
import { StoreError } from '../../../src/store/store-error.ts';
import { makeImage, noise } from '../../support/image.ts';
import { byTag, MirrorFixture, readAll, target } from '../../support/mirror-fixture.ts';
import { cachedBlobs, pull, publish } from '../../support/published-image.ts';
import { wrapped } from '../../support/wrapped.ts';

const hello = target('library/hello');
const bytes = noise(300_000, 'a blob');

/** A fixture that has pulled the blob. */
async function holding(options: Parameters<typeof MirrorFixture.open>[0] = {}) {
  const fixture = await MirrorFixture.open(options);
  const digest = fixture.upstream.addBlob('library/hello', bytes);
  await readAll(await fixture.mirror.openBlob(hello, digest));
  await fixture.settled();
  return { fixture, digest, file: new Layout(fixture.path).blob(digest) };
}

describe('a stored blob', () => {
  for (const [damage, apply] of [
    ['cut short', (file: string) => truncate(file, 1000)],
    ['empty', (file: string) => truncate(file, 0)],
    ['too long', (file: string) => writeFile(file, Buffer.alloc(400_000))],
    ['gone', (file: string) => rm(file)],
  ] as const) {
    it(`that is ${damage} is noticed as it is served: the client gets the right bytes, and it is stored anew`, async () => {
      const { fixture, digest, file } = await holding();
      await using _ = fixture;
      await apply(file);

      const first = await readAll(await fixture.mirror.openBlob(hello, digest));
      await fixture.settled();
      const second = await readAll(await fixture.mirror.openBlob(hello, digest), 100);

      expect(first.equals(bytes)).toBe(true);
      expect(second.equals(bytes.subarray(100))).toBe(true);
      expect(fixture.upstream.count('BLOB')).toBe(2);
      expect(fixture.log.filter(({ level }) => level === 50)).toHaveLength(1);
      const aside = await Array.fromAsync(fixture.content.listQuarantined());
      expect(aside.map((one) => one.digest)).toEqual(damage === 'gone' ? [] : [digest]);
    });
  }

  it('that cannot be read from its first byte on comes from upstream in the same answer', async () => {
    let unreadable = false;
    const { fixture, digest } = await holding({
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
    await using _ = fixture;
    unreadable = true;

    const answer = await fixture.mirror.openBlob(hello, digest);
    unreadable = false;
    const failing = await fixture.mirror.openBlob(hello, digest);
    unreadable = true;
    const got = await readAll(answer, 50_000);
    await failing.close();
    await fixture.settled();

    expect(got.equals(bytes.subarray(50_000))).toBe(true);
    expect(fixture.upstream.count('BLOB')).toBe(2);
    expect(fixture.space.inUse.has(digest)).toBe(false);
    expect((await Array.fromAsync(fixture.content.listQuarantined())).length).toBe(1);
  });

  it('that cannot be read any further cuts the answer, and is fetched anew by the next one', async () => {
    let reads = 0;
    const { fixture, digest } = await holding({
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
    await using _ = fixture;

    await expect(readAll(await fixture.mirror.openBlob(hello, digest))).rejects.toMatchObject({
      status: 500,
    });
    const next = await readAll(await fixture.mirror.openBlob(hello, digest));

    expect(next.equals(bytes)).toBe(true);
    expect(fixture.upstream.count('BLOB')).toBe(2);
  });

  it('without its row is taken up when its size is the one that its manifest states, and put aside when not', async () => {
    await using fixture = await MirrorFixture.open();
    const image = publish(fixture, 'hello', 50_000);
    await pull(fixture, 'hello', image);
    await fixture.settled();
    const [layer] = image.layers;
    if (layer === undefined) throw new Error('no layer');
    await fixture.metadata.removeBlob(layer.digest);
    await pull(fixture, 'hello', image);
    expect(fixture.upstream.count(`BLOB library/hello ${layer.digest}`)).toBe(1);
    expect(await fixture.metadata.blob(layer.digest)).toBe(layer.size);

    await fixture.metadata.removeBlob(layer.digest);
    await truncate(new Layout(fixture.path).blob(layer.digest), 100);
    await pull(fixture, 'hello', image);
    await fixture.settled();

    expect(fixture.upstream.count(`BLOB library/hello ${layer.digest}`)).toBe(2);
    expect(await fixture.metadata.blob(layer.digest)).toBe(layer.size);
  });

  it('without its row is not put aside because a manifest states another size', async () => {
    const { fixture, digest } = await holding();
    await using _ = fixture;
    const other = makeImage({ layers: [4096] });
    const lie = other.bytes.toString().replace(other.layers[0]?.digest ?? '', digest);
    fixture.upstream.addManifest('library/evil', Buffer.from(lie), 'latest');
    fixture.upstream.addBlob('library/evil', bytes);
    await fixture.mirror.manifest(target('library/evil'), byTag('latest'), 'GET');
    await fixture.metadata.removeBlob(digest);

    const { size } = await fixture.mirror.statBlob(target('library/evil'), digest);

    expect(size).toBe(bytes.length);
    expect(await fixture.metadata.blob(digest)).toBe(bytes.length);
    expect(await Array.fromAsync(fixture.content.listQuarantined())).toEqual([]);
    expect(fixture.upstream.count('BLOB')).toBe(1);
  });
});

describe('what an eviction has left when the power went', () => {
  it('is removed after the next start, without a pull', async () => {
    await using fixture = await MirrorFixture.open();
    const image = publish(fixture, 'hello', 1000);
    await pull(fixture, 'hello', image);
    await fixture.settled();
    const retention = { isPinned: () => false, isInUse: () => false };
    const { blobs } = await fixture.metadata.evictions.evict({ retention });
    expect((await cachedBlobs(fixture)).size).toBe(2);

    await fixture.restart();
    while ((await fixture.metadata.evictions.condemned(10)).length > 0) await fixture.clock.advance(0);

    expect(blobs).toHaveLength(2);
    expect((await cachedBlobs(fixture)).size).toBe(0);
  });

  it('is not taken for a blob that a crash has left without its row', async () => {
    await using fixture = await MirrorFixture.open();
    const image = publish(fixture, 'hello', 1000);
    await pull(fixture, 'hello', image);
    await fixture.settled();
    const reading = await fixture.mirror.openBlob(hello, image.config.digest);
    const retention = { isPinned: () => false, isInUse: () => false };
    await fixture.metadata.evictions.evict({ retention });

    const got = await readAll(await fixture.mirror.openBlob(hello, image.config.digest));
    await reading.close();
    await fixture.settled();

    expect(got.equals(image.config.bytes)).toBe(true);
    expect(fixture.upstream.count(`BLOB library/hello ${image.config.digest}`)).toBe(1);
    expect(await fixture.metadata.evictions.isCondemned(image.config.digest)).toBe(false);
    expect(await fixture.metadata.blob(image.config.digest)).toBe(image.config.size);
  });
});
