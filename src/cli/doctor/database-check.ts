import { stat } from 'node:fs/promises';
import { unlessMissing } from '../../store/file-error.ts';
import { inspectDatabase, type SchemaVersion } from '../../store/sqlite/inspect.ts';
import { DatabaseFiles } from '../../store/sqlite/recovery/database-files.ts';
import { StoreError } from '../../store/store-error.ts';
import { ok, problem, warning, type Check, type Finding } from './check.ts';

/** Can the metadata be read, and by this version? A mirror that is running is not disturbed. */
export class DatabaseCheck implements Check {
  readonly name = 'metadata';
  readonly #file: string;

  /** @param folder the data folder; absolute */
  constructor(folder: string) {
    this.#file = new DatabaseFiles(folder).database;
  }

  async run(): Promise<readonly Finding[]> {
    const found = await unlessMissing(stat(this.#file));
    if (found === undefined) return [ok('none yet')];
    let schema: SchemaVersion;
    try {
      schema = inspectDatabase(this.#file);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return [this.#trouble(error)];
    }
    const { version, newest } = schema;
    if (version > newest) {
      return [
        problem(
          `${this.#file} was written by a newer version of Entrepot (schema ${version}, this one knows ${newest})`,
          'start the newer version, or another data folder',
        ),
      ];
    }
    const next = version === newest ? '' : `; the next start brings it to ${newest}`;
    return [ok(`${this.#file}, schema ${version}${next}`)];
  }

  #trouble({ code, message }: StoreError): Finding {
    if (code === 'LOCKED') return warning(`${this.#file} is busy: another process is writing to it for long`);
    return problem(
      `${this.#file} cannot be read: ${message}`,
      'see that this user may read it; if it is damaged, the next start puts it aside and rebuilds it',
    );
  }
}
