import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../../src/oci/digest.ts';
import { eventually } from '../../../support/deadline.ts';
import { makeImage, type Image } from '../../../support/image.ts';
import {
  byTag,
  MirrorFixture,
  readAll,
  target,
  type MirrorFixtureOptions,
} from '../../../support/mirror-fixture.ts';
import { cachedBlobs, pull, publish } from '../../../support/published-image.ts';
import { partialBlobs } from '../../../support/store-folder.ts';

const kib = 1024;
/** Of this size three layers fit, beside a database that is still small. */
const layer = 400 * kib;
const cap = 1700 * kib;

async function open(options: MirrorFixtureOptions = {}): Promise<MirrorFixture> {
  return MirrorFixture.open({ ...options, space: { maxsize: { bytes: cap }, ...options.space } });
}

/** Pulls images one after the other, a second apart, each to its end. */
async function pullAll(
  fixture: MirrorFixture,
  names: readonly string[],
): Promise<ReadonlyMap<string, Image>> {
  const images = new Map<string, Image>();
  for (const name of names) {
    const image = publish(fixture, name, layer);
    images.set(name, image);
    await pull(fixture, name, image);
    await fixture.settled();
    await fixture.clock.advance(1000);
  }
  return images;
}

function blobsOf(images: ReadonlyMap<string, Image>, ...names: readonly string[]): Set<Digest> {
  return new Set(
    names.flatMap((name) => {
      const image = images.get(name);
      return image === undefined ? [] : [image.config.digest, ...image.layers.map(({ digest }) => digest)];
    }),
  );
}

describe('storage.maxsize', () => {
  it('is kept by evicting whole images, least recently used first', async () => {
    await using fixture = await open();

    const images = await pullAll(fixture, ['one', 'two', 'three', 'four', 'five']);

    const held = await cachedBlobs(fixture);
    expect(held).toEqual(blobsOf(images, 'three', 'four', 'five'));
    expect(
      await fixture.metadata.tags({ upstream: fixture.upstream.name, name: target('library/one').name }),
    ).toEqual([]);
    expect(fixture.log.filter(({ limit }) => limit === 'maxsize').length).toBeGreaterThan(0);
  });

  it('spares what was used meanwhile', async () => {
    await using fixture = await open();
    const images = await pullAll(fixture, ['one', 'two', 'three']);
    await pull(fixture, 'one', images.get('one') ?? publish(fixture, 'one', layer));
    await fixture.clock.advance(1000);

    const later = await pullAll(fixture, ['four']);

    expect(await cachedBlobs(fixture)).toEqual(
      new Set([...blobsOf(images, 'one', 'three'), ...blobsOf(later, 'four')]),
    );
  });

  it('spares what is pinned by the configuration or by hand, however long ago it was used', async () => {
    await using fixture = await open({ space: { pins: ['one:*'] } });
    await fixture.space.pins.add('docker.io/library/two:latest');

    const images = await pullAll(fixture, ['one', 'two', 'three', 'four', 'five']);

    expect(await cachedBlobs(fixture)).toEqual(blobsOf(images, 'one', 'two', 'five'));
  });

  it('remembers after a restart what was pinned by hand', async () => {
    await using fixture = await open();
    await fixture.space.pins.add('one');
    const images = await pullAll(fixture, ['one', 'two', 'three']);
    await fixture.restart();

    const later = await pullAll(fixture, ['four']);

    expect(await cachedBlobs(fixture)).toEqual(
      new Set([...blobsOf(images, 'one', 'three'), ...blobsOf(later, 'four')]),
    );
  });

  it('never takes what a client is reading, and takes it afterwards', async () => {
    await using fixture = await open();
    const images = await pullAll(fixture, ['one', 'two', 'three']);
    const one = images.get('one');
    if (one?.layers[0] === undefined) throw new Error('no layer');
    const reading = await fixture.mirror.openBlob(target('library/one'), one.layers[0].digest);
    await reading.read(Buffer.alloc(10), 10, 0);

    for (const name of ['four', 'five', 'six']) await pull(fixture, name, publish(fixture, name, layer));
    await fixture.space.enforcer.makeRoom();
    const rest = await readAll(reading, 10);

    expect(rest.equals(one.layers[0].bytes.subarray(10))).toBe(true);
    expect(fixture.upstream.count(`BLOB library/one ${one.layers[0].digest}`)).toBe(1);
    expect((await cachedBlobs(fixture)).has(one.layers[0].digest)).toBe(true);
  });

  it('is kept a second after all that was too much has been let go of', async () => {
    await using fixture = await open();
    const readings = [];
    for (const name of ['one', 'two', 'three', 'four', 'five']) {
      const [blob] = publish(fixture, name, layer).layers;
      if (blob === undefined) throw new Error('no layer');
      await fixture.mirror.manifest(target(`library/${name}`), byTag('latest'), 'GET');
      readings.push(await fixture.mirror.openBlob(target(`library/${name}`), blob.digest));
      await eventually(60_000, 'the layer', async () => (await cachedBlobs(fixture)).has(blob.digest));
    }
    await fixture.space.enforcer.makeRoom();
    expect((await cachedBlobs(fixture)).size).toBe(5);
    for (const reading of readings) await reading.close();

    await fixture.clock.advance(1000);

    await eventually(60_000, 'an eviction', async () => (await cachedBlobs(fixture)).size === 3);
  });

  it('that is smaller than an image says so when that image goes', async () => {
    await using fixture = await open({ space: { maxsize: { bytes: 900 * kib } } });
    const image = makeImage({ layers: [layer, layer + 1], seed: 7 });
    fixture.upstream.addManifest('library/huge', image.bytes, 'latest');
    for (const { bytes } of [image.config, ...image.layers]) fixture.upstream.addBlob('library/huge', bytes);

    await pull(fixture, 'huge', image);
    await fixture.settled();
    await fixture.clock.advance(1000);

    await eventually(60_000, 'its eviction', async () => (await cachedBlobs(fixture)).size === 0);
    const told = fixture.log.filter(({ level }) => level === 40);
    expect(told).toEqual([
      expect.objectContaining({
        image: 'docker.io/library/huge:latest',
        msg: 'an image that is larger than all that storage.maxsize allows cannot be kept, and others had to go for it',
      }),
    ]);
  });

  it('forgets what it has evicted, and fetches it anew when it is asked for', async () => {
    await using fixture = await open();
    const images = await pullAll(fixture, ['one', 'two', 'three', 'four']);
    const one = images.get('one');
    if (one === undefined) throw new Error('no image');
    fixture.upstream.requests.length = 0;

    await pull(fixture, 'one', one);

    expect(fixture.upstream.count('BLOB library/one')).toBe(2);
    expect(fixture.upstream.count('GET library/one')).toBe(1);
    const repository = { upstream: fixture.upstream.name, name: target('library/one').name };
    expect(await fixture.metadata.tags(repository)).toEqual(['latest']);
  });

  it('counts partial blobs, and removes idle ones before any image', async () => {
    await using fixture = await open();
    const images = await pullAll(fixture, ['one', 'two', 'three']);
    const cut = publish(fixture, 'cut', layer);
    const [blob] = cut.layers;
    if (blob === undefined) throw new Error('no layer');
    const ingest = await fixture.content.ingest(blob.digest);
    await ingest.write([blob.bytes.subarray(0, 390 * kib)]);
    await ingest.close();
    await fixture.restart();

    await eventually(
      5000,
      'the partial blob to go',
      async () => (await partialBlobs(fixture.path)).length === 0,
    );
    await fixture.settled();
    expect(await cachedBlobs(fixture)).toEqual(blobsOf(images, 'one', 'two', 'three'));
  });

  it('lets a blob pass through that is larger than itself, verified, and without an error in the log', async () => {
    await using fixture = await open();
    const images = await pullAll(fixture, ['one']);
    const huge = publish(fixture, 'huge', 2 * cap);

    await Promise.all([pull(fixture, 'huge', huge), pull(fixture, 'huge', huge)]);
    await fixture.settled();

    const held = await cachedBlobs(fixture);
    expect(held).toEqual(new Set([...blobsOf(images, 'one'), huge.config.digest]));
    expect(await Array.fromAsync(fixture.content.listPartial())).toEqual([]);
    expect(fixture.log.filter(({ level }) => Number(level) >= 40)).toEqual([]);
  });

  it('lets a large blob pass through also when only upstream states its size', async () => {
    await using fixture = await open();
    const blob = publish(fixture, 'huge', 2 * cap).layers[0];
    if (blob === undefined) throw new Error('no layer');

    const bytes = await readAll(await fixture.mirror.openBlob(target('library/huge'), blob.digest));
    await fixture.settled();

    expect(bytes.equals(blob.bytes)).toBe(true);
    expect(await cachedBlobs(fixture)).toEqual(new Set());
    expect(await Array.fromAsync(fixture.content.listPartial())).toEqual([]);
  });

  it('makes no room for a size that nobody but a manifest states', async () => {
    await using fixture = await open();
    const images = await pullAll(fixture, ['one', 'two', 'three']);
    const small = publish(fixture, 'lie', 4 * kib);
    const [blob] = small.layers;
    if (blob === undefined) throw new Error('no layer');
    const lie = small.bytes.toString().replace(`"size": ${blob.size}`, `"size": ${3 * layer}`);
    fixture.upstream.addManifest('library/lie', Buffer.from(lie), 'latest');
    await fixture.mirror.manifest(target('library/lie'), byTag('latest'), 'GET');

    const reading = await fixture.mirror.openBlob(target('library/lie'), blob.digest);

    expect((await readAll(reading)).equals(blob.bytes)).toBe(true);
    await fixture.settled();
    expect(await cachedBlobs(fixture)).toEqual(
      new Set([...blobsOf(images, 'one', 'two', 'three'), blob.digest]),
    );
  });

  it('lets new blobs pass through when pinned ones fill it, and says so', async () => {
    await using fixture = await open({ space: { pins: ['docker.io/**'] } });
    const images = await pullAll(fixture, ['one', 'two', 'three']);
    await pullAll(fixture, ['four']);
    await pullAll(fixture, ['five']);

    const held = await cachedBlobs(fixture);
    const pinned = [...blobsOf(images, 'one', 'two', 'three')];
    expect(pinned.filter((digest) => !held.has(digest))).toEqual([]);
    expect(held.size).toBeLessThan(9);
    const { ready, problems } = await fixture.mirror.readiness();
    expect(ready).toBe(false);
    expect(problems.join('\n')).toMatch(/pinned fills storage\.maxsize \(1 MiB\)/);
  });
});
