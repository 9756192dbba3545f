import { execFile } from 'node:child_process';
import { mkdir, readFile, rename, rm, symlink, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { AdoptingStore } from '../../../../../src/cache/care/import/blob-import.ts';
import { mediaTypes } from '../../../../../src/oci/media-type.ts';
import { StoreError } from '../../../../../src/store/store-error.ts';
import { content as contentOf, descriptor, makeImage, makeIndex } from '../../../../support/image.ts';
import { fixtureWithAnImage, skippedBy, withMethods } from '../../../../support/import-fixture.ts';

const image = makeImage({ layers: 2 });
const [layer] = image.layers;
if (layer === undefined) throw new Error('an image has a layer');

describe('an import goes on, and says so, when it finds', () => {
  it('a damaged blob', async () => {
    await using fixture = await fixtureWithAnImage();
    await fixture.registry.put('library/app', 'bad', image);
    await fixture.registry.write(fixture.registry.blob(layer.digest), Buffer.alloc(layer.size));

    const skipped = await skippedBy(fixture);

    expect(skipped).toEqual([`blob ${layer.digest} is damaged: its bytes are not what its digest says`]);
    expect(await fixture.metadata.blob(layer.digest)).toBeUndefined();
    expect(await fixture.content.size(layer.digest)).toBeUndefined();
    expect(await fixture.digestOfTag('library/app', 'bad')).toBe(image.digest);
    expect(await readFile(fixture.registry.path(fixture.registry.blob(layer.digest)))).toEqual(
      Buffer.alloc(layer.size),
    );
  });

  it('blobs that are no whole files of their own', async () => {
    await using fixture = await fixtureWithAnImage();
    const spoiled = makeImage({ layers: 7, seed: 3 });
    await fixture.registry.put('library/app', 'bad', spoiled);
    const moved = async (path: string) => {
      await rename(path, `${path}.moved`);
      await symlink(`${path}.moved`, path);
    };
    const replaced = async (path: string, make: (path: string) => Promise<unknown>) => {
      await rm(path);
      await make(path);
    };
    const ways: readonly (readonly [(path: string) => Promise<unknown>, string])[] = [
      [async (path) => truncate(path, 10), 'is damaged: its bytes are not what its digest says'],
      [async (path) => truncate(path, 0), 'is damaged: its bytes are not what its digest says'],
      [async (path) => rm(path), 'is missing'],
      [moved, 'is reached by a symbolic link, which is not followed'],
      [async (path) => moved(dirname(path)), 'is reached by a symbolic link, which is not followed'],
      [async (path) => replaced(path, mkdir), 'is no regular file'],
      [
        async (path) => replaced(path, async () => promisify(execFile)('mkfifo', [path])),
        'is no regular file',
      ],
    ];
    const expected: string[] = [];
    for (const [index, [spoil, reason]] of ways.entries()) {
      const digest = spoiled.layers[index]?.digest ?? layer.digest;
      await spoil(fixture.registry.path(fixture.registry.blob(digest)));
      expected.push(`blob ${digest} ${reason}`);
    }

    const skipped = await skippedBy(fixture);

    expect(skipped).toEqual(expected.toSorted());
    for (const { digest } of spoiled.layers) expect(await fixture.content.size(digest)).toBeUndefined();
    expect(await fixture.content.size(spoiled.config.digest)).toBe(spoiled.config.size);
  });

  it.each([
    [
      'damaged',
      'is damaged: its bytes are not what its digest says',
      async (path: string) => truncate(path, 10),
    ],
    ['missing', 'is missing', async (path: string) => rm(path)],
  ])('a manifest that is %s', async (_, reason, spoil) => {
    await using fixture = await fixtureWithAnImage();
    await fixture.registry.putManifest('library/app', 'bad', image);
    await spoil(fixture.registry.path(fixture.registry.blob(image.digest)));

    const skipped = await skippedBy(fixture);

    expect(skipped).toEqual([
      'library/app:bad points to a manifest that cannot be taken over',
      `library/app@${image.digest} ${reason}`,
    ]);
  });

  it.each([
    [
      'of Docker schema 1',
      { schemaVersion: 1, name: 'library/app', fsLayers: [] },
      'is a Docker schema 1 manifest, which is not supported',
    ],
    [
      'without anything',
      {},
      'is no manifest that can be stored: the document is neither a manifest nor an index',
    ],
    [
      'with a layer that has no digest',
      { mediaType: mediaTypes.ociManifest, layers: [{ size: 1 }] },
      'is no manifest that can be stored: layers[0] has no valid digest',
    ],
  ])('a manifest %s', async (_, document, reason) => {
    await using fixture = await fixtureWithAnImage();
    const manifest = contentOf(Buffer.from(JSON.stringify(document)), '');
    await fixture.registry.putManifest('library/app', undefined, manifest);

    expect(await skippedBy(fixture)).toEqual([`library/app@${manifest.digest} ${reason}`]);
  });

  it('a manifest larger than any', async () => {
    await using fixture = await fixtureWithAnImage();
    const manifest = contentOf(Buffer.alloc(4 * 1024 * 1024 + 1, ' '), '');
    await fixture.registry.putManifest('library/app', undefined, manifest);

    expect(await skippedBy(fixture)).toEqual([`library/app@${manifest.digest} is larger than 4194304 bytes`]);
  });

  it('a foreign layer, whose image it takes without', async () => {
    await using fixture = await fixtureWithAnImage();
    const foreign = { ...descriptor(layer), urls: ['https://example.com/layer'] };
    const document = {
      mediaType: mediaTypes.dockerManifest,
      config: descriptor(image.config),
      layers: [foreign],
    };
    const manifest = contentOf(Buffer.from(JSON.stringify(document)), mediaTypes.dockerManifest);
    await fixture.registry.putManifest('library/app', 'windows', manifest);

    const skipped = await skippedBy(fixture);

    expect(skipped).toEqual([
      `library/app@${manifest.digest} names foreign layers, which clients fetch elsewhere`,
    ]);
    expect(await fixture.digestOfTag('library/app', 'windows')).toBe(manifest.digest);
  });

  it('indexes in indexes without end', async () => {
    await using fixture = await fixtureWithAnImage();
    let innermost = makeIndex([image]);
    for (let depth = 0; depth < 20; depth += 1) {
      const bytes = Buffer.from(
        JSON.stringify({ mediaType: mediaTypes.ociIndex, manifests: [descriptor(innermost)] }),
      );
      await fixture.registry.putManifest('library/app', undefined, innermost);
      innermost = { ...contentOf(bytes, mediaTypes.ociIndex), images: [] };
    }
    await fixture.registry.putManifest('library/app', 'deep', innermost);

    await skippedBy(fixture);

    expect(await fixture.digestOfTag('library/app', 'deep')).toBe(innermost.digest);
  });

  it('a blob that cannot be read while all else can', async () => {
    await using fixture = await fixtureWithAnImage();
    await fixture.registry.put('library/app', 'bad', image);
    const adopt: AdoptingStore['adopt'] = async (digest, file) => {
      if (digest === layer.digest) throw new StoreError('IO', 'adopting a file failed: EIO');
      return fixture.content.adopt(digest, file);
    };

    expect(await skippedBy(fixture, { content: withMethods(fixture.content, { adopt }) })).toEqual([
      `blob ${layer.digest} adopting a file failed: EIO`,
    ]);
  });

  it('a blob that is being fetched at the same time', async () => {
    await using fixture = await fixtureWithAnImage();
    await fixture.registry.put('library/app', 'busy', image);
    const ingest = await fixture.content.ingest(layer.digest);

    expect(await skippedBy(fixture)).toEqual([
      `blob ${layer.digest} is being fetched from upstream just now`,
    ]);

    await ingest.close();
  });
});
