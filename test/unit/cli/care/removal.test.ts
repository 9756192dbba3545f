import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/base/system-clock.ts';
import { prune } from '../../../../src/cli/care/prune.ts';
import { rm } from '../../../../src/cli/care/rm.ts';
import { CareError } from '../../../../src/cache/care/care-error.ts';
import { readManifest } from '../../../../src/oci/manifest.ts';
import type { RepositoryName, Tag, UpstreamName } from '../../../../src/oci/reference.ts';
import { SqliteMetadataStore } from '../../../../src/store/sqlite/metadata-store.ts';
import { CareCommandFixture } from '../../../support/care-command-fixture.ts';
import { writeConfigurationFile } from '../../../support/configuration-file.ts';
import { makeImage } from '../../../support/image.ts';
import { TempFolder } from '../../../support/temp-folder.ts';

const hour = 3_600_000;

describe('rm', () => {
  it('removes each image and says what that freed', async () => {
    await using fixture = await CareCommandFixture.open();

    expect(await rm(['node:20'], fixture.options, fixture.context)).toBe(0);
    expect(fixture.out).toBe('removed node:20: 3 manifests, 7 blobs, 1 MiB freed\n');
  });

  it('goes on after one that is not there, and fails in the end', async () => {
    await using fixture = await CareCommandFixture.open();
    const { removal } = fixture.caretaker;
    let first = true;
    fixture.caretaker.removal = () => {
      if (!first) return removal();
      first = false;
      return Promise.reject(new CareError('not-found', 'nodde is not cached'));
    };

    expect(await rm(['nodde', 'node:20'], fixture.options, fixture.context)).toBe(1);
    expect(fixture.err).toBe('entrepot: nodde is not cached\n');
    expect(fixture.out).toContain('removed node:20');
  });

  it('goes on after one that the store cannot remove, also without a server', async () => {
    await using fixture = await CareCommandFixture.open();
    await using folder = await TempFolder.create();
    const config = await writeConfigurationFile(folder, {});
    const database = folder.join('data', 'metadata.sqlite');
    const store = await SqliteMetadataStore.open(database, systemClock());
    const { bytes, ...manifest } = makeImage({ layers: [10] });
    for (const name of ['16', '20'] as Tag[]) {
      const repository = { upstream: 'docker.io' as UpstreamName, name: 'library/node' as RepositoryName };
      await store.putManifest(repository, { ...manifest, bytes }, readManifest(bytes), {
        name,
        checkedAt: 1,
      });
    }
    await store.close();
    const sqlite = new Database(database);
    sqlite.exec(
      `CREATE TRIGGER broken BEFORE DELETE ON tag WHEN OLD.name = '16' BEGIN SELECT RAISE(FAIL, 'broken'); END`,
    );
    sqlite.close();

    expect(await rm(['node:16', 'node:20'], { config }, fixture.context)).toBe(1);
    expect(fixture.err).toMatch(/^entrepot: .*\n$/);
    expect(fixture.out).toContain('node:20');
  });
});

describe('prune', () => {
  it('shows what went, and how much that was', async () => {
    await using fixture = await CareCommandFixture.open();

    expect(await prune({ ...fixture.options, to: 1024, unused: hour }, fixture.context)).toBe(0);
    expect(fixture.lines).toEqual([
      'IMAGE                                      FREED  LAST USED',
      'node:18                                  1.0 GiB  3y ago',
      'sha256:0123456789ab, a blob of no image    1 KiB  3y ago',
      '1 image and 1 blob of no image, 1.0 GiB freed',
    ]);
    expect(fixture.caretaker.calls).toEqual([['prune', { toBytes: 1024, unusedMs: hour, dryRun: false }]]);
  });

  it('says when it only would', async () => {
    await using fixture = await CareCommandFixture.open();

    await prune({ ...fixture.options, unused: hour, dryRun: true }, fixture.context);
    expect(fixture.lines.at(-1)).toBe('1 image and 1 blob of no image, 1.0 GiB would be freed');
    expect(fixture.caretaker.calls).toEqual([['prune', { toBytes: null, unusedMs: hour, dryRun: true }]]);
  });

  it('prints a JSON document a line', async () => {
    await using fixture = await CareCommandFixture.open();

    await prune({ ...fixture.options, to: 0, json: true }, fixture.context);
    expect(fixture.json).toEqual(fixture.caretaker.pruned);
  });

  it('asks what is to go', async () => {
    await using fixture = await CareCommandFixture.open();

    expect(await prune(fixture.options, fixture.context)).toBe(2);
    expect(fixture.err).toContain('--to 20GiB');
  });
});
