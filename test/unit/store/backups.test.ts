import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import type { StoreError } from '../../../src/store/store-error.ts';
import { Backups } from '../../../src/store/sqlite/recovery/backups.ts';
import { DatabaseFiles } from '../../../src/store/sqlite/recovery/database-files.ts';
import { DataFolder, overwrite } from '../../support/data-folder.ts';
import { eventually } from '../../support/deadline.ts';
import { noise } from '../../support/image.ts';

const hour = 60 * 60_000;
const digest = digestOf(Buffer.from('blob'));

/** Whether a backup holds the blob; throws when there is none, or it is no database. */
function holds(folder: DataFolder): boolean {
  const backup = new Database(folder.join('metadata.backup.sqlite'), { readonly: true });
  try {
    return backup.prepare('SELECT 1 FROM blob WHERE digest = ?').get(digest) !== undefined;
  } finally {
    backup.close();
  }
}

async function backedUp(folder: DataFolder): Promise<boolean> {
  return (await readdir(folder.path)).includes('metadata.backup.sqlite');
}

function backupsOf(folder: DataFolder, damages: StoreError[] = []): Backups {
  return new Backups({
    files: new DatabaseFiles(folder.path),
    clock: folder.clock,
    logger: folder.log.logger,
    onDamage: (error) => {
      damages.push(error);
    },
  });
}

it('is made soon after the start, and every six hours if something has changed', async () => {
  await using folder = await DataFolder.create();
  const store = await folder.open();
  await eventually(60_000, 'both waits', () => folder.clock.sleeping === 2);
  expect(await backedUp(folder)).toBe(false);
  await folder.clock.advance(60_000);
  await eventually(60_000, 'the first backup', () => backedUp(folder));
  expect(holds(folder)).toBe(false);
  await store.putBlob(digest, 4);
  await eventually(60_000, 'the next wait', () => folder.clock.sleeping === 2);
  await folder.clock.advance(6 * hour);
  await eventually(60_000, 'the second backup', () => holds(folder));
  expect((await readdir(folder.path)).filter((name) => name.includes('backup'))).toEqual([
    'metadata.backup.sqlite',
  ]);
});

it('is not made again when nothing has changed, also not after a restart', async () => {
  await using folder = await DataFolder.create();
  const store = await folder.open();
  await store.putBlob(digest, 4);
  const backups = backupsOf(folder);
  await backups.make();
  const { ino } = await stat(folder.join('metadata.backup.sqlite'));
  await backups.make();
  await backupsOf(folder).make();
  expect((await stat(folder.join('metadata.backup.sqlite'))).ino).toBe(ino);
});

it('is intact though others write while it is made', async () => {
  await using folder = await DataFolder.create();
  const store = await folder.open();
  for (let number = 0; number < 200; number += 1) await store.inventory.addPin(`pin-${number}`);
  const making = backupsOf(folder).make();
  const made = { over: false };
  void making.then(() => {
    made.over = true;
  });
  for (let number = 0; !made.over; number += 1) {
    await store.inventory.addPin(`more-${number}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const backup = new Database(folder.join('metadata.backup.sqlite'), { readonly: true });
  expect(backup.pragma('integrity_check', { simple: true })).toBe('ok');
  expect(backup.prepare('SELECT count(*) FROM pin').pluck().get()).toBeGreaterThanOrEqual(200);
  backup.close();
});

it('stays as it was when the database turns out to be damaged, and somebody is told', async () => {
  await using folder = await DataFolder.create();
  const store = await folder.open();
  await store.putBlob(digest, 4);
  const damages: StoreError[] = [];
  const backups = backupsOf(folder, damages);
  await backups.make();
  for (let number = 0; number < 500; number += 1)
    await store.inventory.addPin(`pin-${number}-${'x'.repeat(100)}`);
  await folder.close();
  const { size } = await stat(folder.database);
  await overwrite(folder.database, size - 8192, noise(8192, 'damage'));
  await backups.make();
  expect(damages).toMatchObject([{ name: 'StoreError', code: 'CORRUPT' }]);
  expect(holds(folder)).toBe(true);
});

it('has a new database made of a damaged one before anybody comes upon the damage', async () => {
  await using folder = await DataFolder.create();
  let store = await folder.open();
  for (let number = 0; number < 500; number += 1)
    await store.inventory.addPin(`pin-${number}-${'x'.repeat(100)}`);
  await folder.close();
  const { size } = await stat(folder.database);
  await overwrite(folder.database, size - 8192, noise(8192, 'damage'));
  store = await folder.open();
  await eventually(60_000, 'both waits', () => folder.clock.sleeping === 2);
  await folder.clock.advance(60_000);
  await eventually(60_000, 'the end of the rebuild', () =>
    folder.messages().includes('the blobs on disk are in the rebuilt metadata database'),
  );
  expect(await folder.damaged()).toHaveLength(1);
  expect((await store.inventory.pins()).length).toBeGreaterThan(400);
});

it('is made anew after a crash has left half of one', async () => {
  await using folder = await DataFolder.create();
  const store = await folder.open();
  await store.putBlob(digest, 4);
  await writeFile(folder.join('metadata.backup.new.sqlite'), noise(5000, 'half'));
  await backupsOf(folder).make();
  expect(holds(folder)).toBe(true);
  expect(await readdir(folder.path)).not.toContain('metadata.backup.new.sqlite');
});

it('is not made, and that is said, when it cannot be written', async () => {
  await using folder = await DataFolder.create();
  const store = await folder.open();
  await store.check();
  await mkdir(folder.join('metadata.backup.new.sqlite'));
  await backupsOf(folder).make();
  expect(folder.messages(40)).toEqual(['the metadata database could not be backed up']);
  expect(await backedUp(folder)).toBe(false);
});
