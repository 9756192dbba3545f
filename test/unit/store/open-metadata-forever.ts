import { FilesystemContentStore } from '../../../src/store/filesystem/content-store.ts';
import { Backups } from '../../../src/store/sqlite/recovery/backups.ts';
import { DatabaseFiles } from '../../../src/store/sqlite/recovery/database-files.ts';
import { openMetadata } from '../../../src/store/sqlite/open-metadata.ts';
import { systemClock } from '../../../src/base/system-clock.ts';
import { logLines } from '../../support/log-lines.ts';

// Opens the metadata of the folder in argv[2], rebuilding it if it is damaged, then writes and backs up until
// somebody kills it.
const root = process.argv[2] ?? '';
const clock = systemClock();
const { logger } = logLines();
process.stdout.write('opening\n');
const content = await FilesystemContentStore.open(root);
const metadata = await openMetadata({ root, content, clock, logger, onTrouble: () => undefined });
process.stdout.write('open\n');
const backups = new Backups({ files: new DatabaseFiles(root), clock, logger, onDamage: () => undefined });
for (let number = 0; ; number += 1) {
  await metadata.inventory.addPin(`pin-${process.pid}-${number}`);
  await backups.make();
}
