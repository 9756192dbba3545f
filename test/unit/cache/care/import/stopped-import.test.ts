import { symlink } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { CareError } from '../../../../../src/cache/care/care-error.ts';
import type { UpstreamName } from '../../../../../src/oci/reference.ts';
import { StoreError } from '../../../../../src/store/store-error.ts';
import { makeImage } from '../../../../support/image.ts';
import { ImportFixture, withMethods } from '../../../../support/import-fixture.ts';

const image = makeImage();

describe('an import stops when', () => {
  it('no more may be stored, so that nothing has to go for what comes next', async () => {
    await using fixture = await ImportFixture.open();
    const large = makeImage({ layers: [2 ** 20, 2 ** 20 + 1, 2 ** 20 + 2] });
    await fixture.registry.put('library/app', '1', large);

    const outcome = fixture.import({ maxsize: { bytes: 3 * 2 ** 20 } });

    await expect(outcome).rejects.toBeInstanceOf(CareError);
    await expect(outcome).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(
        /^no room for a blob of 1 MiB: storage\.maxsize is 3 MiB, and 2 MiB are taken\. 3 blobs \(2 MiB\) were/,
      ) as string,
    });
    const { bytes, databaseBytes } = await fixture.metadata.evictions.usage();
    expect(bytes + databaseBytes).toBeLessThan(3 * 2 ** 20);
    expect(await fixture.metadata.blob(large.config.digest)).toBe(large.config.size);
  });

  it('the disk would be too full', async () => {
    await using fixture = await ImportFixture.open();
    await fixture.registry.put('library/app', '1', image);

    await expect(fixture.import({ minfree: { percent: 100 } })).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(
        /no room for a blob of .*: storage\.minfree is .*make room, and import again/,
      ) as string,
    });
  });

  it('the content store has failed', async () => {
    await using fixture = await ImportFixture.open();
    await fixture.registry.put('library/app', '1', image);
    const failure = new StoreError('IO', 'the disk is gone');
    const broken = withMethods(fixture.content, {
      adopt: async () => Promise.reject(failure),
      check: async () => Promise.reject(failure),
    });

    await expect(fixture.import({ content: broken })).rejects.toMatchObject({
      kind: 'failed',
      cause: failure,
    });
  });

  it.each([
    ['the folder does not exist', 'nowhere', 'not-found'],
    ["the folder is Entrepot's own", 'data', 'not-found'],
  ])('%s', async (_, path, kind) => {
    await using fixture = await ImportFixture.open();
    await expect(fixture.import({}, null, fixture.path(path))).rejects.toMatchObject({ kind });
  });

  it('the folder has no absolute path', async () => {
    await using fixture = await ImportFixture.open();
    await expect(fixture.import({}, null, 'registry')).rejects.toMatchObject({ kind: 'invalid' });
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
    await using fixture = await ImportFixture.open();
    await expect(fixture.import(options, upstream)).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining(message) as string,
    });
  });

  it('the folder cannot be read', async () => {
    await using fixture = await ImportFixture.open();
    await symlink(fixture.path('loop'), fixture.path('loop'));

    await expect(fixture.import({}, null, fixture.path('loop'))).rejects.toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('cannot be read (ELOOP)') as string,
    });
  });
});

describe('an import leaves out what does not fit into', () => {
  it.each([
    ["an upstream's quota", { upstream: 'docker.io' as UpstreamName }, 'docker.io'],
    ["a repository's quota", { match: 'docker.io/library/**' }, 'docker.io/library/app'],
  ])('%s', async (_, whose, scope) => {
    await using fixture = await ImportFixture.open();
    const large = makeImage({ layers: [3 * 2 ** 20], seed: 2 });
    await fixture.registry.put('library/app', 'small', image);
    await fixture.registry.put('library/app', 'large', large);

    const { report, skipped } = await fixture.import({ quotas: [{ ...whose, bytes: 2 * 2 ** 20 }] });

    expect(skipped).toEqual([
      'library/app:large points to a manifest that cannot be taken over',
      `library/app@${large.digest} does not fit into the quota of ${scope}, 2 MiB`,
    ]);
    expect(report).toMatchObject({ tags: 1, manifests: 1 });
    expect(await fixture.digestOfTag('library/app', 'small')).toBe(image.digest);
  });
});
