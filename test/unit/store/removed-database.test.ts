import { access, rm } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { busybox, image, latest, putImage } from '../../contract/metadata-store/subject.ts';
import { DataFolder } from '../../support/data-folder.ts';
import { eventually } from '../../support/deadline.ts';

const minute = 60_000;

async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

it('is noticed within a minute, said, and made anew of the backup', async () => {
  await using folder = await DataFolder.create();
  const store = await folder.open();
  await putImage(store, busybox, image, latest);
  await eventually(60_000, 'the waits', () => folder.clock.sleeping === 2);
  await folder.clock.advance(minute);
  await eventually(60_000, 'the backup', () => isThere(folder.join('metadata.backup.sqlite')));

  await rm(folder.database);
  await folder.clock.advance(minute);

  await eventually(60_000, 'a new database', () => isThere(folder.database));
  await eventually(60_000, 'what the backup had', async () =>
    store.tag(busybox, latest).then(
      (tag) => tag?.digest === image.digest,
      () => false,
    ),
  );
  expect(folder.log.lines).toContainEqual(
    expect.objectContaining({
      level: 50,
      msg: 'the metadata database is lost: it is rebuilt from what can be read of it',
      reason: 'its file was removed',
    }),
  );
});

it('is not believed as long as the file is there', async () => {
  await using folder = await DataFolder.create();
  const store = await folder.open();
  await putImage(store, busybox, image, latest);
  await eventually(60_000, 'the waits', () => folder.clock.sleeping === 2);

  await folder.clock.advance(3 * minute);

  expect((await store.tag(busybox, latest))?.digest).toBe(image.digest);
  expect(folder.log.lines).toEqual([]);
});
