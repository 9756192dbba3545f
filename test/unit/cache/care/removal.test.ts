import { describe, expect, it } from 'vitest';
import { CareFixture } from '../../../support/care-fixture.ts';
import { makeIndex } from '../../../support/image.ts';
import { held, holding, hour, images, old, prune, shared, sizeOf, young } from './two-images.ts';

describe('the removal of an image', () => {
  it('frees its bytes, and says how many', async () => {
    await using fixture = await holding();
    expect(await fixture.caretaker.remove('node:20')).toEqual({
      image: 'library/node:20',
      digest: old.digest,
      tags: ['20'],
      manifests: 1,
      blobs: 2,
      bytes: sizeOf(old),
    });
    expect(await held(fixture, old)).toEqual([]);
    expect(await images(fixture)).toEqual(['ghcr.io/owner/app:1']);
  });

  it('takes latest for granted', async () => {
    await using fixture = await CareFixture.open();
    await fixture.hold(old, 'library/node', 'latest', '20');
    expect(await fixture.caretaker.remove('node')).toMatchObject({
      tags: ['latest'],
      bytes: 0,
      manifests: 0,
    });
    expect(await images(fixture)).toEqual(['library/node:20']);
  });

  it('goes by digest with all tags', async () => {
    await using fixture = await CareFixture.open();
    await fixture.hold(old, 'library/node', 'latest', '20');
    const { tags } = await fixture.caretaker.remove(`docker.io/library/node@${old.digest}`);
    expect(tags.toSorted()).toEqual(['20', 'latest']);
    expect(await held(fixture, old)).toEqual([]);
  });

  it('leaves what others share with it', async () => {
    await using fixture = await CareFixture.open();
    await fixture.hold(old, 'library/one');
    await fixture.hold(shared, 'library/two');
    expect(await fixture.caretaker.remove('one')).toMatchObject({ bytes: sizeOf(old) - 5000 });
    expect(await held(fixture, shared)).toHaveLength(3);
  });

  it('takes an index with its platforms', async () => {
    await using fixture = await CareFixture.open();
    const index = makeIndex([old, young]);
    await fixture.hold(old, 'library/node', 'old');
    for (const blob of [young.config, ...young.layers]) await fixture.holdBlob(blob);
    await fixture.holdManifest(index, 'library/node', 'multi');
    await fixture.holdManifest(young, 'library/node');
    expect(await fixture.caretaker.remove('node:multi')).toMatchObject({
      manifests: 2,
      bytes: sizeOf(young),
    });
    expect(await images(fixture)).toEqual(['library/node:old']);
  });

  it.each(['node:20', `node@${old.digest}`])(
    'of %s is refused while a pattern protects it, which is named',
    async (image) => {
      await using fixture = await holding();
      await fixture.caretaker.pin('node:2*');
      await expect(fixture.caretaker.remove(image)).rejects.toMatchObject({
        kind: 'pinned',
        message: expect.stringContaining('node:2*') as unknown,
      });
      await fixture.caretaker.unpin('node:2*');
      await expect(fixture.caretaker.remove(image)).resolves.toMatchObject({ digest: old.digest });
    },
  );

  it.each(['node:21', 'nginx', 'quay.io/a/b', `node@${young.digest}`])(
    'of %s, which is not held, is not found',
    async (image) => {
      await using fixture = await holding();
      await expect(fixture.caretaker.remove(image)).rejects.toMatchObject({ kind: 'not-found' });
    },
  );

  it('is refused for what is no name', async () => {
    await using fixture = await holding();
    await expect(fixture.caretaker.remove('No Such')).rejects.toMatchObject({ kind: 'invalid' });
  });
});

describe('pruning', () => {
  it('removes what was not used for so long', async () => {
    await using fixture = await holding();
    const lastUsedAt = fixture.clock.now() - hour;
    expect(await prune(fixture, { unusedMs: hour / 2 })).toEqual([
      { image: 'library/node:20', digest: old.digest, tags: ['20'], bytes: sizeOf(old), lastUsedAt },
    ]);
    expect(await held(fixture, old)).toEqual([]);
    expect(await images(fixture)).toEqual(['ghcr.io/owner/app:1']);
  });

  it('removes the oldest until so much is left', async () => {
    await using fixture = await holding();
    const { databaseBytes } = await fixture.metadata.evictions.usage();
    const gone = await prune(fixture, { toBytes: databaseBytes + sizeOf(young) + 100 });
    expect(gone.map(({ image }) => image)).toEqual(['library/node:20']);
    expect((await prune(fixture, { toBytes: 0 })).map(({ image }) => image)).toEqual(['ghcr.io/owner/app:1']);
    expect(await Array.fromAsync(fixture.content.list())).toEqual([]);
  });

  it('changes nothing when it only says what it would do', async () => {
    await using fixture = await holding();
    const gone = await prune(fixture, { toBytes: 0, dryRun: true });
    expect(gone.map(({ image }) => image)).toEqual(['library/node:20', 'ghcr.io/owner/app:1']);
    expect(await images(fixture)).toHaveLength(2);
    expect(await Array.fromAsync(fixture.content.list())).toHaveLength(4);
  });

  it('tells of a blob that no image needs without a name', async () => {
    await using fixture = await CareFixture.open();
    await fixture.holdBlob(old.config);
    expect(await prune(fixture, { toBytes: 0, dryRun: true })).toEqual([
      expect.objectContaining({ image: null, digest: old.config.digest, bytes: old.config.size, tags: [] }),
    ]);
  });

  it('spares what is pinned', async () => {
    await using fixture = await holding({ space: { pins: ['library/node:*'] } });
    const gone = await prune(fixture, { toBytes: 0 });
    expect(gone.map(({ image }) => image)).toEqual(['ghcr.io/owner/app:1']);
    expect(await held(fixture, old)).toHaveLength(2);
  });

  it('stops when its iteration does', async () => {
    await using fixture = await holding();
    for await (const { image } of fixture.caretaker.prune({ toBytes: 0, unusedMs: 0, dryRun: true })) {
      expect(image).toBe('library/node:20');
      break;
    }
    expect(await images(fixture)).toHaveLength(2);
  });

  it.each([{}, { toBytes: -1 }, { unusedMs: Number.NaN }])('by %j is refused', async (options) => {
    await using fixture = await holding();
    await expect(prune(fixture, options)).rejects.toMatchObject({ kind: 'invalid' });
    expect(await images(fixture)).toHaveLength(2);
  });
});
