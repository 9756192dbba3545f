import { stat } from 'node:fs/promises';
import { unlessMissing } from '../../store/file-error.ts';
import { inspectDatabase } from '../../store/sqlite/inspect.ts';
import { DatabaseFiles } from '../../store/sqlite/recovery/database-files.ts';
import { StoreError } from '../../store/store-error.ts';
import { ok, problem, warning, type Finding } from './check.ts';

/**
 * Can the metadata be read, and by this version? A mirror that is running is not disturbed.
 * @param folder the data folder; absolute
 */
export async function checkDatabase(folder: string): Promise<readonly Finding[]> {
  const file = new DatabaseFiles(folder).database;
  if ((await unlessMissing(stat(file))) === undefined) return [ok('none yet')];
  try {
    const { version, newest } = inspectDatabase(file);
    if (version <= newest) {
      const next = version === newest ? '' : `; the next start brings it to ${newest}`;
      return [ok(`${file}, schema ${version}${next}`)];
    }
    return [
      problem(
        `${file} was written by a newer version of Entrepot (schema ${version}, this one knows ${newest})`,
        'start the newer version, or another data folder',
      ),
    ];
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    if (error.code === 'LOCKED') {
      return [warning(`${file} is busy: another process is writing to it for long`)];
    }
    return [
      problem(
        `${file} cannot be read: ${error.message}`,
        'see that this user may read it; if it is damaged, the next start puts it aside and rebuilds it',
      ),
    ];
  }
}
