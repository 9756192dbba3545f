import { dirname } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { imageArchive } from '../../../../src/archive/image-archive.ts';
import { parseGivenName } from '../../../../src/cache/transfer/import/target-names.ts';
import { digestHex, digestOf, type Digest } from '../../../../src/oci/digest.ts';
import { readManifest } from '../../../../src/oci/manifest.ts';
import { parsePlatforms } from '../../../../src/oci/platform.ts';
import type { RepositoryName, Tag, UpstreamName } from '../../../../src/oci/reference.ts';
import {
  blob,
  blobsOf,
  cranePull,
  dockerSave,
  json,
  layout,
  named,
  plainImage,
  tarOf,
  type Entry,
} from '../../../support/archive.ts';
import { repository } from '../../../support/care-fixture.ts';
import {
  assembleImage,
  descriptor,
  makeImage,
  makeIndex,
  noise,
  type Image,
} from '../../../support/image.ts';
import { ImportedCache, piped, type Said } from '../../../support/imported-cache.ts';

const image = makeImage({ oci: true });
const other = makeImage({ oci: true, seed: 2 });
const index = makeIndex([image, other], { oci: true });
const large = assembleImage([noise(5_000_000, 'large')], { seed: 'large' }, true);
const plain = plainImage('plain');
const app = repository('library/app');

const name = 'docker.io/library/app:1';

describe('an image layout is imported with its digest', () => {
  const entries = layout([named(large, name, '1')], large);

  it.each<[string, (fixture: ImportedCache) => Promise<Said>]>([
    ['as a tar', async (fixture) => fixture.importTar(entries)],
    ['as a folder', async (fixture) => fixture.import([await fixture.unpack(entries)])],
    [
      'as a gzip of several members',
      async (fixture) => {
        const tar = tarOf(entries);
        const packed = Buffer.concat([
          gzipSync(tar.subarray(0, 1_000_001)),
          gzipSync(tar.subarray(1_000_001)),
        ]);
        return fixture.import([await fixture.write('app.tar.gz', packed)]);
      },
    ],
    [
      'as a zstd',
      async (fixture) =>
        fixture.import([await fixture.write('app.tar.zst', zstdCompressSync(tarOf(entries)))]),
    ],
    ['from a pipe', async (fixture) => fixture.import(['-'], { stdin: piped(tarOf(entries)) })],
    [
      'packed from a pipe',
      async (fixture) => fixture.import(['-'], { stdin: piped(gzipSync(tarOf(entries))) }),
    ],
    [
      'without its closing blocks',
      async (fixture) => fixture.import([await fixture.write('app.tar', tarOf(entries, Buffer.alloc(0)))]),
    ],
    [
      'with ./ before names',
      async (fixture) => fixture.importTar(entries.map((entry) => ({ ...entry, name: `./${entry.name}` }))),
    ],
    ['without oci-layout', async (fixture) => fixture.importTar(entries.slice(0, -1))],
    ['with its index first', async (fixture) => fixture.importTar(entries.toReversed())],
    ['with a blob twice', async (fixture) => fixture.importTar([...blobsOf(large), ...entries])],
    [
      'with a layer as a link to another entry',
      async (fixture) => {
        const [layer] = large.layers;
        if (layer === undefined) throw new Error('it has a layer');
        const moved = entries.filter((entry) => entry.name !== blob(layer).name);
        return fixture.importTar([
          { name: blob(layer).name, link: '../../elsewhere' },
          ...moved,
          { name: 'elsewhere', bytes: layer.bytes },
        ]);
      },
    ],
  ])('%s', async (_, importing) => {
    await using fixture = await ImportedCache.open();
    const { images, notes, error } = await importing(fixture);
    expect({ error, notes }).toEqual({ error: undefined, notes: [] });
    expect(images).toMatchObject([{ name, digest: large.digest, made: false, outcome: { tag: 'new' } }]);
    expect(await fixture.tag()).toBe(large.digest);
    expect(await fixture.holds(large)).toBe(true);
    const [layer] = large.layers;
    expect(layer && (await fixture.cache.metadata.repositoryBlob(app, layer.digest))?.confirmed).toBe(true);
  });

  it('in parts, given in any order, or one of them, or their folder', async () => {
    for (const give of [
      (paths: readonly string[]) => paths.toReversed(),
      (paths: readonly string[]) => paths.slice(1, 2),
      (paths: readonly string[]) => [dirname(paths[0] ?? '')],
    ]) {
      await using fixture = await ImportedCache.open();
      const tar = tarOf(entries);
      const paths: string[] = [];
      for (let at = 0; at * 2_000_000 < tar.length; at += 1) {
        const part = tar.subarray(at * 2_000_000, (at + 1) * 2_000_000);
        paths.push(await fixture.write(`stick/class.tar.00${at + 1}`, part));
      }
      await fixture.write('stick/class.sha256', Buffer.from('none'));
      const { images, error } = await fixture.import(give(paths));
      expect(error).toBeUndefined();
      expect(images).toMatchObject([{ name, digest: large.digest }]);
      expect(await fixture.holds(large)).toBe(true);
    }
  });

  it('unless one of its parts is missing', async () => {
    await using fixture = await ImportedCache.open();
    await fixture.write('class.tar.001', Buffer.alloc(10));
    const last = await fixture.write('class.tar.003', Buffer.alloc(10));
    expect((await fixture.import([last])).error).toBe('class.tar lacks its part 002');
  });
});

describe('an index is imported', () => {
  it('with all its platforms, or with those that are asked for', async () => {
    for (const [platforms, expected, held] of [
      ['all', ['linux/amd64', 'linux/arm64'], [true, true]],
      ['linux/arm64', ['linux/arm64'], [false, true]],
    ] as const) {
      await using fixture = await ImportedCache.open();
      const { images } = await fixture.importTar(layout([named(index, name)], index), {
        platforms: parsePlatforms(platforms),
      });
      expect(images).toMatchObject([{ digest: index.digest, platforms: expected }]);
      expect([await fixture.holds(image), await fixture.holds(other)]).toEqual(held);
      expect(await fixture.tag()).toBe(index.digest);
    }
  });

  it('with the platforms of which the archive has everything, and says what it lacks', async () => {
    await using fixture = await ImportedCache.open();
    const absent = new Set(other.layers.map((layer) => blob(layer).name));
    const entries = layout([named(index, name)], index).filter((entry) => !absent.has(entry.name));
    const { images, notes } = await fixture.importTar(entries);
    expect(images).toMatchObject([{ digest: index.digest, platforms: ['linux/amd64'] }]);
    expect(notes).toEqual([`${name}: linux/arm64 is left out: the archive does not have all of it`]);
    expect(await fixture.cache.metadata.manifest(app, other.digest)).toBeUndefined();
  });

  it('not for a platform that it lacks', async () => {
    await using fixture = await ImportedCache.open();
    const { error } = await fixture.importTar(layout([named(index, name)], index), {
      platforms: parsePlatforms('linux/s390x'),
    });
    expect(error).toBe(`app.tar: ${name} is not for linux/s390x: it has linux/amd64, linux/arm64`);
    expect(await fixture.isEmpty()).toBe(true);
  });

  it('not when nothing that it lists is there', async () => {
    await using fixture = await ImportedCache.open();
    const { error } = await fixture.importTar([
      blob(index),
      json('index.json', { manifests: [named(index, name)] }),
    ]);
    expect(error).toBe(`app.tar: ${name} is only an index: nothing that it lists is in the archive`);
  });

  it('with what belongs to it and stands beside it without a name', async () => {
    await using fixture = await ImportedCache.open();
    const attestation = makeImage({ oci: true, seed: 5 });
    const annotated = {
      ...descriptor(attestation),
      annotations: { 'io.containerd.manifest.subject': image.digest },
    };
    const entries = layout([descriptor(image), annotated, named(image, name)], image, attestation);
    const { images, notes } = await fixture.importTar(entries);
    expect(images).toMatchObject([{ name, digest: image.digest }]);
    expect(notes).toEqual([]);
    expect(await fixture.cache.metadata.manifest(app, attestation.digest)).toBeDefined();
  });
});

describe("an archive of Docker's gets a manifest, which is said", () => {
  const saved = dockerSave([{ ...plain, tags: ['app:1'] }]);

  it.each<[string, (fixture: ImportedCache) => Promise<Said>]>([
    ['from docker save', async (fixture) => fixture.importTar(saved)],
    [
      'from docker save through a pipe',
      async (fixture) => fixture.import(['-'], { stdin: piped(tarOf(saved)) }),
    ],
    [
      'from docker save, packed',
      async (fixture) => fixture.import([await fixture.write('app.tar.gz', gzipSync(tarOf(saved)))]),
    ],
    ['from docker save, unpacked', async (fixture) => fixture.import([await fixture.unpack(saved)])],
    [
      'from Docker 25, whose index lists nothing',
      async (fixture) =>
        fixture.importTar([
          ...[plain.config, ...plain.layers].map(blob),
          json('index.json', { schemaVersion: 2, manifests: null }),
          json('manifest.json', [
            {
              Config: blob(plain.config).name,
              RepoTags: ['app:1'],
              Layers: plain.layers.map((layer) => blob(layer).name),
            },
          ]),
          json('oci-layout', {}),
        ]),
    ],
  ])('%s', async (_, importing) => {
    await using fixture = await ImportedCache.open();
    const { images, error } = await importing(fixture);
    expect(error).toBeUndefined();
    expect(images).toMatchObject([{ name, made: true }]);
    const digest = await fixture.tag();
    const manifest = digest && (await fixture.cache.metadata.manifest(app, digest));
    expect(manifest && JSON.parse(manifest.bytes.toString())).toMatchObject({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { digest: plain.config.digest },
      layers: plain.layers.map(({ size, digest: layer }) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        digest: layer,
        size,
      })),
      annotations: { 'entrepot.made-from': 'docker-archive' },
    });
    for (const layer of plain.layers) expect(await fixture.cache.content.verify(layer.digest)).toBe('intact');
  });

  it('from crane and kaniko, with layers as they are packed', async () => {
    await using fixture = await ImportedCache.open();
    const { images } = await fixture.importTar(cranePull(plain, 'app:1'));
    expect(images).toMatchObject([{ name, made: true }]);
    const manifest = await fixture.cache.metadata.manifest(app, (await fixture.tag()) ?? image.digest);
    const { blobs } = readManifest(manifest?.bytes ?? Buffer.alloc(0));
    expect(blobs.slice(1)).toEqual(
      plain.layers.map(({ bytes }) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest: digestOf(gzipSync(bytes)),
        size: gzipSync(bytes).length,
      })),
    );
  });

  it('with several images that share layers, which may be links to what comes later', async () => {
    await using fixture = await ImportedCache.open();
    const second = plainImage('second');
    const shared = { config: second.config, layers: second.layers };
    const { images, error } = await fixture.importTar(
      dockerSave([
        { ...plain, tags: ['app:1', 'ghcr.io/owner/app:2'] },
        { ...plain, tags: ['app:again'] },
        { ...shared, tags: ['app:2'] },
      ]),
    );
    expect(error).toBeUndefined();
    expect(images.map((one) => one.name)).toEqual([
      name,
      'ghcr.io/owner/app:2',
      'docker.io/library/app:again',
      'docker.io/library/app:2',
    ]);
    expect(images[0]?.digest).toBe(images[2]?.digest);
  });

  it('and does not take the place of what its registry has', async () => {
    await using fixture = await ImportedCache.open();
    await fixture.cache.hold(image, 'library/app', '1');
    const { images } = await fixture.importTar(saved);
    expect(images).toMatchObject([{ outcome: { tag: 'kept' } }]);
    expect(await fixture.tag()).toBe(image.digest);
    expect((await fixture.importTar(layout([named(other, name)], other))).images).toMatchObject([
      { outcome: { tag: 'moved' } },
    ]);
    expect(await fixture.tag()).toBe(other.digest);
  });

  it('where the layers of its OCI half are in disorder', async () => {
    await using fixture = await ImportedCache.open();
    const manifest = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { ...descriptor(plain.config), mediaType: 'application/vnd.oci.image.config.v1+json' },
      layers: plain.layers
        .toReversed()
        .map((layer) => ({ ...descriptor(layer), mediaType: 'application/vnd.oci.image.layer.v1.tar' })),
    };
    const bytes = Buffer.from(JSON.stringify(manifest));
    const wrong = { mediaType: manifest.mediaType, digest: digestOf(bytes), size: bytes.length, bytes };
    const docker = {
      Config: blob(plain.config).name,
      RepoTags: null,
      Layers: plain.layers.map((one) => blob(one).name),
    };
    const { images } = await fixture.importTar([
      ...[plain.config, ...plain.layers, wrong].map(blob),
      json('index.json', { manifests: [named(wrong, name)] }),
      json('manifest.json', [docker]),
    ]);
    expect(images).toMatchObject([{ name, made: true }]);
    expect(images[0]?.digest).not.toBe(wrong.digest);
  });
});

it("a folder of skopeo's dir: has the registry's manifest, and needs a name", async () => {
  await using fixture = await ImportedCache.open();
  const entries = [image, image.config, ...image.layers].map(({ digest, bytes }, at) => ({
    name: at === 0 ? 'manifest.json' : digestHex(digest),
    bytes,
  }));
  const folder = await fixture.unpack([...entries, { name: 'version', bytes: Buffer.from('1.1') }]);
  expect((await fixture.import([folder])).error).toBe(
    `unpacked: ${image.digest} has no name: say which image it is, with --as docker.io/library/NAME:TAG`,
  );
  const { images } = await fixture.import([folder], { as: parseGivenName('app:1') });
  expect(images).toMatchObject([{ name, digest: image.digest, made: false }]);
  expect(await fixture.holds(image)).toBe(true);
});

describe('an image is named', () => {
  it.each<[string, object, string]>([
    ['by the full name', named(image, 'ghcr.io/owner/app:2', '1'), 'ghcr.io/owner/app:2'],
    ['by a reference that is a full name', named(image, '', 'ghcr.io/owner/app:2'), 'ghcr.io/owner/app:2'],
    ['by a short name, as Docker reads it', named(image, 'app:2'), 'docker.io/library/app:2'],
    [
      'by its digest, where its tag only says that it has none',
      named(image, 'ghcr.io/owner/app:i-was-a-digest'),
      `ghcr.io/owner/app@${image.digest}`,
    ],
    [
      'by its digest, where the reference is empty',
      named(image, 'ghcr.io/owner/app:latest', ''),
      `ghcr.io/owner/app@${image.digest}`,
    ],
    ['by its digest', named(image, `ghcr.io/owner/app@${image.digest}`), `ghcr.io/owner/app@${image.digest}`],
  ])('%s', async (_, entry, expected) => {
    await using fixture = await ImportedCache.open();
    const { images, error } = await fixture.importTar(layout([entry], image));
    expect({ error, names: images.map((one) => one.name) }).toEqual({ error: undefined, names: [expected] });
  });

  it.each<[string, object, string]>([
    [
      'a tag',
      named(image, '', '2'),
      ' but for the tag 2: say which image it is, with --as docker.io/library/NAME',
    ],
    [
      'what containerd calls what had no name',
      named(image, 'import-2026-11-30:2'),
      ' but for the tag 2: say which image it is, with --as docker.io/library/NAME',
    ],
    ['nothing', descriptor(image), ': say which image it is, with --as docker.io/library/NAME:TAG'],
  ])('by the user where the archive has only %s', async (_, entry, advice) => {
    await using fixture = await ImportedCache.open();
    const entries = layout([entry], image);
    const { error } = await fixture.importTar(entries);
    expect(error).toBe(`app.tar: ${image.digest} has no name${advice}`);
    expect(await fixture.isEmpty()).toBe(true);
    const { images } = await fixture.importTar(entries, { as: parseGivenName('ghcr.io/owner/app') });
    expect(images).toMatchObject([
      { name: `ghcr.io/owner/app:${advice.includes('tag 2') ? '2' : 'latest'}` },
    ]);
  });

  it('anew, if the user wants that', async () => {
    await using fixture = await ImportedCache.open();
    const entries = layout([named(image, name), named(image, 'app:2')], image);
    const { images } = await fixture.importTar(entries, { as: parseGivenName('ghcr.io/owner/app:9') });
    expect(images.map((one) => one.name)).toEqual(['ghcr.io/owner/app:9']);
    const several = await fixture.importTar(
      layout([named(image, name), named(other, 'app:2')], image, other),
      {
        as: parseGivenName('ghcr.io/owner/app:9'),
      },
    );
    expect(several.error).toBe(
      'app.tar holds 2 images: give --as a name without a tag, and each keeps its own',
    );
  });

  it('by a registry that is mirrored here, or not at all', async () => {
    await using fixture = await ImportedCache.open();
    const { error } = await fixture.importTar(layout([named(image, 'localhost/app:1')], image));
    expect(error).toBe(
      'localhost is not mirrored here; this mirror serves docker.io, ghcr.io; --as gives an image another name',
    );
    expect(await fixture.isEmpty()).toBe(true);
  });

  it('twice by mistake: the last one is taken, and that is said', async () => {
    await using fixture = await ImportedCache.open();
    const { notes } = await fixture.importTar(layout([named(image, name), named(other, name)], image, other));
    expect(notes).toEqual([`${name} stands for several images in index.json: the last one is taken`]);
    expect(await fixture.tag()).toBe(other.digest);
  });
});

describe('a bundle is imported', () => {
  const bundled = (root: Image, earlier: ReadonlySet<Digest> = new Set()): Entry[] => {
    const contents = new Map([root, root.config, ...root.layers].map(({ digest, bytes }) => [digest, bytes]));
    return imageArchive(
      [
        {
          bundled: {
            name,
            upstream: 'docker.io' as UpstreamName,
            repository: 'library/app' as RepositoryName,
            tag: '1' as Tag,
            root: descriptor(root),
            subject: null,
            platforms: null,
            pinned: true,
            manifests: [descriptor(root)],
          },
          shown: undefined,
          isRunnable: true,
          blobs: [root.config, ...root.layers].map(descriptor),
        },
      ],
      earlier,
    ).map(({ name: entry, content: bytes }) => ({
      name: entry,
      bytes: typeof bytes === 'string' ? (contents.get(bytes) ?? Buffer.alloc(0)) : bytes,
    }));
  };

  it('with its tag and its pin', async () => {
    await using fixture = await ImportedCache.open();
    const { images, error } = await fixture.importTar(bundled(image));
    expect(error).toBeUndefined();
    expect(images).toMatchObject([
      { name, digest: image.digest, outcome: { tag: 'new', pinned: 'library/app:1' } },
    ]);
    expect(await fixture.cache.caretaker.pins()).toMatchObject([{ pattern: 'library/app:1' }]);
  });

  it('after the one that it was exported --since, which it asks for', async () => {
    await using fixture = await ImportedCache.open();
    const [layer] = image.layers;
    if (layer === undefined) throw new Error('it has a layer');
    const since = bundled(image, new Set([layer.digest]));
    const { error } = await fixture.importTar(since);
    expect(error).toBe(
      `app.tar: ${name} lacks the blob ${layer.digest}, which an earlier bundle has: import that one first`,
    );
    expect(await fixture.isEmpty()).toBe(true);
    await fixture.cache.holdBlob(layer);
    expect((await fixture.importTar(since)).images).toMatchObject([{ name, digest: image.digest }]);
    expect((await fixture.cache.metadata.repositoryBlob(app, layer.digest))?.confirmed).toBe(false);
  });
});

describe('an import', () => {
  it('that is repeated changes nothing', async () => {
    await using fixture = await ImportedCache.open();
    const entries = layout([named(image, name)], image);
    await fixture.importTar(entries);
    const { images } = await fixture.importTar(entries);
    expect(images).toMatchObject([{ stored: 0, outcome: { tag: 'same' } }]);
  });

  it.each([
    [
      'a file',
      async (fixture: ImportedCache, tar: Buffer) => fixture.import([await fixture.write('app.tar', tar)]),
    ],
    ['a pipe', async (fixture: ImportedCache, tar: Buffer) => fixture.import(['-'], { stdin: piped(tar) })],
  ])('from %s goes on with a blob that was cut off', async (_, importing) => {
    await using fixture = await ImportedCache.open();
    const [layer] = large.layers;
    if (layer === undefined) throw new Error('it has a layer');
    const ingest = await fixture.cache.content.ingest(layer.digest);
    await ingest.write([layer.bytes.subarray(0, 3_000_000)]);
    await ingest.close();
    const { images, error } = await importing(fixture, tarOf(layout([named(large, name)], large)));
    expect({ error, images: images.length }).toEqual({ error: undefined, images: 1 });
    expect(await fixture.holds(large)).toBe(true);
  });

  it('removes what an earlier one left wrong, and goes on if it can', async () => {
    await using fixture = await ImportedCache.open();
    const [layer] = large.layers;
    if (layer === undefined) throw new Error('it has a layer');
    const tar = tarOf(layout([named(large, name)], large));
    const spoil = async (): Promise<void> => {
      const ingest = await fixture.cache.content.ingest(layer.digest);
      await ingest.write([Buffer.alloc(1000)]);
      await ingest.close();
    };
    await spoil();
    expect((await fixture.import(['-'], { stdin: piped(tar) })).error).toContain(
      'does not continue what an earlier import left, which is removed now: run the same command again',
    );
    await spoil();
    expect((await fixture.import([await fixture.write('app.tar', tar)])).error).toBeUndefined();
    expect(await fixture.holds(large)).toBe(true);
  });

  it('does not take what the cache has for what the archive has', async () => {
    await using fixture = await ImportedCache.open();
    await fixture.cache.hold(large, 'library/private', '1');
    const [layer] = large.layers;
    if (layer === undefined) throw new Error('it has a layer');
    const forged = layout([named(large, name)], large).map((entry) =>
      entry.name === blob(layer).name ? { name: entry.name, bytes: Buffer.alloc(layer.size) } : entry,
    );
    const { error } = await fixture.importTar(forged);
    expect(error).toBe(`app.tar: ${blob(layer).name} is damaged: its bytes are not what its digest says`);
    expect(await fixture.cache.metadata.manifest(app, large.digest)).toBeUndefined();
    expect(await fixture.holds(large)).toBe(true);
  });

  it('ends when its user wants that', async () => {
    await using fixture = await ImportedCache.open();
    const interrupted = new AbortController();
    interrupted.abort(new Error('Ctrl-C'));
    const { error } = await fixture.importTar(layout([named(image, name)], image), {
      signal: interrupted.signal,
    });
    expect(error).toBe('Ctrl-C');
    expect(await fixture.tag()).toBeUndefined();
  });
});
