import { symlink } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { CareError } from '../../../../../src/mirror/care/care-error.ts';
import { StoreError } from '../../../../../src/store/store-error.ts';
import { makeImage } from '../../../../support/image.ts';
import { ImportHouse, withMethods } from '../../../../support/import-house.ts';

const image = makeImage();

describe('an import stops when', () => {
  it('no more may be stored, before anything has to go for it', async () => {
    await using house = await ImportHouse.open();
    await house.registry.put('library/app', '1', image);
    const stored = withMethods(house.metadata, {
      evictions: withMethods(house.metadata.evictions, {
        usage: async () => Promise.resolve({ blobs: 1, bytes: 2 ** 20 - 10, manifests: 0, databaseBytes: 0 }),
      }),
    });

    const outcome = house.import({ metadata: stored, maxsize: { bytes: 2 ** 20 } });

    await expect(outcome).rejects.toBeInstanceOf(CareError);
    await expect(outcome).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringContaining(
        'storage.maxsize is 1 MiB, and 1023 KiB are taken. 0 blobs (0 B)',
      ) as string,
    });
  });

  it('the disk would be too full', async () => {
    await using house = await ImportHouse.open();
    await house.registry.put('library/app', '1', image);

    await expect(house.import({ minfree: { percent: 100 } })).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(
        /no room for a blob of .*: storage\.minfree is .*make room, and import again/,
      ) as string,
    });
  });

  it('the content store has failed', async () => {
    await using house = await ImportHouse.open();
    await house.registry.put('library/app', '1', image);
    const failure = new StoreError('IO', 'the disk is gone');
    const broken = withMethods(house.content, {
      adopt: async () => Promise.reject(failure),
      check: async () => Promise.reject(failure),
    });

    await expect(house.import({ content: broken })).rejects.toMatchObject({ kind: 'failed', cause: failure });
  });

  it.each([
    ['the folder does not exist', 'nowhere', 'not-found'],
    ["the folder is Entrepot's own", 'data', 'not-found'],
  ])('%s', async (_, path, kind) => {
    await using house = await ImportHouse.open();
    await expect(house.import({}, null, house.path(path))).rejects.toMatchObject({ kind });
  });

  it('the folder has no absolute path', async () => {
    await using house = await ImportHouse.open();
    await expect(house.import({}, null, 'registry')).rejects.toMatchObject({ kind: 'invalid' });
  });

  it.each([
    [
      'it is of a registry that is not mirrored',
      {},
      'quay.io',
      'quay.io is not mirrored here; one of docker.io, ghcr.io is',
    ],
    [
      'nobody says of which registry it is',
      { plain: undefined },
      null,
      'say which upstream it is, of docker.io, ghcr.io',
    ],
  ])('%s', async (_, options, upstream, message) => {
    await using house = await ImportHouse.open();
    await expect(house.import(options, upstream)).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining(message) as string,
    });
  });

  it('the folder cannot be read', async () => {
    await using house = await ImportHouse.open();
    await symlink(house.path('loop'), house.path('loop'));

    await expect(house.import({}, null, house.path('loop'))).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('cannot be read (ELOOP)') as string,
    });
  });
});
