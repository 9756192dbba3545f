import { readFile, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AdoptingStore } from '../../../../../src/cache/care/import/blob-import.ts';
import type { ImportEvent } from '../../../../../src/cache/care/schemas.ts';
import { InUse } from '../../../../../src/cache/in-use.ts';
import { digestOf, type Digest } from '../../../../../src/oci/digest.ts';
import type { Tag } from '../../../../../src/oci/reference.ts';
import type { MetadataStore } from '../../../../../src/store/metadata-store.ts';
import { StoreError } from '../../../../../src/store/store-error.ts';
import { makeImage, makeIndex } from '../../../../support/image.ts';
import { ImportFixture, repository, withMethods } from '../../../../support/import-fixture.ts';

const image = makeImage({ layers: 2 });
const other = makeImage({ layers: 1, seed: 2 });
const [layer] = image.layers;
if (layer === undefined) throw new Error('an image has a layer');

/** Every file in a folder, with its bytes and what identifies it. */
async function snapshot(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const lines = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const { ino, size, mtimeMs, mode } = await stat(path);
    const bytes = entry.isFile() ? digestOf(await readFile(path)) : '';
    return [path, ino, size, mtimeMs, mode, bytes].join(' ');
  });
  return (await Promise.all(lines)).toSorted();
}

describe('an import', () => {
  it('takes over every tag, manifest and blob, and changes nothing in the registry', async () => {
    await using fixture = await ImportFixture.open();
    await fixture.registry.put('library/app', '1', image);
    await fixture.registry.put('library/app', '2', other);
    await fixture.registry.put('team/nested/app', 'latest', image);
    const before = await snapshot(fixture.registry.root);

    const { report, skipped } = await fixture.import();

    expect(skipped).toEqual([]);
    const blobs = [image.config, ...image.layers, other.config, ...other.layers];
    expect(report).toEqual({
      repositories: 2,
      tags: 3,
      manifests: 3,
      blobs: blobs.length,
      bytes: blobs.reduce((sum, { size }) => sum + size, 0),
      linked: blobs.length,
      held: 0,
      skipped: 0,
    });
    expect(await fixture.digestOfTag('library/app', '1')).toBe(image.digest);
    expect(await fixture.digestOfTag('library/app', '2')).toBe(other.digest);
    expect(await fixture.digestOfTag('team/nested/app', 'latest')).toBe(image.digest);
    expect((await fixture.metadata.manifest(repository('library/app'), image.digest))?.bytes).toEqual(
      image.bytes,
    );
    for (const { digest, size } of blobs) {
      expect(await fixture.metadata.blob(digest)).toBe(size);
      expect(await fixture.content.verify(digest)).toBe('intact');
    }
    expect(await snapshot(fixture.registry.root)).toEqual(before);
  });

  it('takes over what has no tag', async () => {
    await using fixture = await ImportFixture.open();
    await fixture.registry.put('library/app', undefined, image);

    expect((await fixture.import()).report).toMatchObject({ tags: 0, manifests: 1, blobs: 3 });
    expect(await fixture.metadata.manifest(repository('library/app'), image.digest)).toBeDefined();
  });

  it('stores under the upstream that is named, whatever it is called', async () => {
    await using fixture = await ImportFixture.open();
    await fixture.registry.putManifest('acme/app', '1', image);

    await fixture.import({}, 'GHCR.io');
    await fixture.import({}, 'registry-1.docker.io');

    expect(await fixture.digestOfTag('acme/app', '1', 'ghcr.io')).toBe(image.digest);
    expect(await fixture.digestOfTag('acme/app', '1')).toBe(image.digest);
  });

  it.each(['.', 'docker', 'docker/registry', 'docker/registry/v2'])(
    'finds the store when %s of it is given',
    async (path) => {
      await using fixture = await ImportFixture.open();
      await fixture.registry.putManifest('library/app', '1', image);

      expect((await fixture.import({}, null, join(fixture.registry.root, path))).report.tags).toBe(1);
    },
  );

  it('finds the store where the way to it is a symbolic link', async () => {
    await using fixture = await ImportFixture.open();
    await fixture.registry.putManifest('library/app', '1', image);
    await rename(join(fixture.registry.root, 'docker'), fixture.path('elsewhere'));
    await symlink(fixture.path('elsewhere'), join(fixture.registry.root, 'docker'));

    expect((await fixture.import()).report.tags).toBe(1);
  });

  it('stores the images of an index before the index', async () => {
    await using fixture = await ImportFixture.open();
    const index = makeIndex([image, other]);
    await fixture.registry.put('library/app', '1', index);
    const order: Digest[] = [];
    const putManifest: MetadataStore['putManifest'] = async (where, manifest, ...rest) => {
      order.push(manifest.digest);
      await fixture.metadata.putManifest(where, manifest, ...rest);
    };

    const { report } = await fixture.import({ metadata: withMethods(fixture.metadata, { putManifest }) });

    expect(report).toMatchObject({ tags: 1, manifests: 3 });
    expect(order).toHaveLength(3);
    expect(order.at(-1)).toBe(index.digest);
    expect(await fixture.digestOfTag('library/app', '1')).toBe(index.digest);
  });

  it('takes of an index what the registry has of it', async () => {
    await using fixture = await ImportFixture.open();
    const index = makeIndex([image, other]);
    await fixture.registry.put('library/app', undefined, image);
    await fixture.registry.putManifest('library/app', '1', index);

    const { report, skipped } = await fixture.import();

    expect(report).toMatchObject({ tags: 1, manifests: 2 });
    expect(skipped).toEqual([]);
  });

  it('does not miss what the registry has never fetched', async () => {
    await using fixture = await ImportFixture.open();
    await fixture.registry.putManifest('library/app', '1', image);

    const { report, skipped } = await fixture.import();

    expect(report).toMatchObject({ tags: 1, manifests: 1, blobs: 0 });
    expect(skipped).toEqual([]);
  });

  it('gives the right to a blob that the registry has for the repository, and a claim where only a manifest names it', async () => {
    await using fixture = await ImportFixture.open();
    await fixture.registry.put('library/app', '1', image);
    await fixture.registry.putManifest('library/other', '1', image);

    await fixture.import();

    const right = async (name: string) => fixture.metadata.repositoryBlob(repository(name), layer.digest);
    expect(await right('library/app')).toEqual({ size: layer.size, measured: true, confirmed: true });
    expect(await right('library/other')).toEqual({ size: layer.size, measured: true, confirmed: false });
    expect(await right('library/third')).toBeUndefined();
  });

  it('leaves alone what Entrepot itself has learnt of a tag', async () => {
    await using fixture = await ImportFixture.open();
    await fixture.registry.putManifest('library/app', '1', image);
    await fixture.registry.putManifest('library/app', '2', image);
    const contents = {
      mediaType: undefined,
      children: [],
      blobs: [],
      subject: undefined,
      artifactType: undefined,
      isManifest: true,
    };
    await fixture.metadata.putManifest(repository('library/app'), other, contents, {
      name: '1' as Tag,
      checkedAt: 7,
    });

    const { report } = await fixture.import();

    expect(report.tags).toBe(1);
    expect(await fixture.metadata.tag(repository('library/app'), '1' as Tag)).toEqual({
      digest: other.digest,
      checkedAt: 7,
    });
    expect(await fixture.metadata.tag(repository('library/app'), '2' as Tag)).toEqual({
      digest: image.digest,
      checkedAt: 0,
    });
  });

  it('holds blobs in use while they are taken over, and no longer', async () => {
    await using fixture = await ImportFixture.open();
    await fixture.registry.put('library/app', '1', image);
    const inUse = new InUse();
    const held: boolean[] = [];
    const adopt: AdoptingStore['adopt'] = async (digest, file) => {
      held.push(inUse.has(digest));
      return fixture.content.adopt(digest, file);
    };
    const putBlob: MetadataStore['putBlob'] = async (digest, size) => {
      held.push(inUse.has(digest));
      await fixture.metadata.putBlob(digest, size);
    };

    await fixture.import({
      inUse,
      content: withMethods(fixture.content, { adopt }),
      metadata: withMethods(fixture.metadata, { putBlob }),
    });

    expect(held).toEqual(Array.from({ length: 6 }, () => true));
    expect(inUse.has(layer.digest)).toBe(false);
  });

  it('tells how far it is, now and then', async () => {
    await using fixture = await ImportFixture.open();
    await fixture.registry.put('library/app', '1', image);
    const adopt: AdoptingStore['adopt'] = async (digest, file) => {
      await fixture.clock.advance(200);
      return fixture.content.adopt(digest, file);
    };

    const told: ImportEvent[] = [];
    const events = fixture.events({ content: withMethods(fixture.content, { adopt }) });
    for await (const event of events) if (event.type === 'progress') told.push(event);

    expect(told).toMatchObject([{ progress: { repositories: 1, blobs: 2 } }]);
  });
});

describe('an import again', () => {
  it('looks at no file of what is held', async () => {
    await using fixture = await ImportFixture.open();
    await fixture.registry.put('library/app', '1', makeIndex([image, other]));
    await fixture.import();
    await rm(fixture.registry.path('blobs'), { recursive: true });

    const { report, skipped } = await fixture.import();

    expect(report).toEqual({
      repositories: 1,
      tags: 0,
      manifests: 0,
      blobs: 0,
      bytes: 0,
      linked: 0,
      held: 5,
      skipped: 0,
    });
    expect(skipped).toEqual([]);
  });

  it('goes on where one was interrupted', async () => {
    await using fixture = await ImportFixture.open();
    await fixture.registry.put('library/app', '1', image);
    const adopted: Digest[] = [];
    const adopt: AdoptingStore['adopt'] = async (digest, file) => {
      if (adopted.length === 2) throw new StoreError('NO_SPACE', 'no room');
      adopted.push(digest);
      return fixture.content.adopt(digest, file);
    };
    await expect(fixture.import({ content: withMethods(fixture.content, { adopt }) })).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('no room') as string,
    });
    expect(await fixture.metadata.manifest(repository('library/app'), image.digest)).toBeUndefined();

    expect((await fixture.import()).report).toMatchObject({ tags: 1, manifests: 1, blobs: 1, held: 2 });
  });

  it('takes up a blob whose bytes are there and were never written down', async () => {
    await using fixture = await ImportFixture.open();
    await fixture.registry.put('library/app', '1', image);
    await fixture.content.adopt(layer.digest, fixture.registry.path(fixture.registry.blob(layer.digest)));

    expect((await fixture.import()).report).toMatchObject({ blobs: 3, linked: 2 });
  });

  it('stops when nobody wants to hear more of it', async () => {
    await using fixture = await ImportFixture.open();
    await fixture.registry.putManifest('library/app', '1', image);
    await fixture.registry.write('repositories/library/app/file', '');
    const inUse = new InUse();

    for await (const event of fixture.events({ inUse })) {
      expect(event.type).toBe('skipped');
      break;
    }

    expect(await fixture.digestOfTag('library/app', '1')).toBeUndefined();
    expect([image.config, ...image.layers].some(({ digest }) => inUse.has(digest))).toBe(false);
  });
});
