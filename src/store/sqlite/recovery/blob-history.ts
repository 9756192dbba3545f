import Database from 'better-sqlite3';
import { z } from '../../../base/zod.ts';
import type { Digest } from '../../../oci/digest.ts';

const whole = z.int().min(0);

const pastBlob = z.object({
  size: whole,
  createdAt: whole,
  lastUsedAt: whole,
  verifiedAt: whole.nullable(),
});

/** What a lost database knew of a blob. Times in milliseconds since the epoch. */
export type PastBlob = Readonly<z.infer<typeof pastBlob>>;

/** What can still be read of the past of blobs, in damaged databases and copies. */
export class BlobHistory implements Disposable {
  readonly #databases: Database.Database[] = [];
  readonly #selects: Database.Statement<[Digest]>[] = [];

  /** @param files in the order in which they are asked; those that cannot be opened are left out */
  constructor(files: readonly string[]) {
    for (const file of files) this.#open(file);
  }

  of(digest: Digest): PastBlob | undefined {
    for (const select of this.#selects) {
      const { data } = pastBlob.safeParse(read(() => select.get(digest)));
      if (data !== undefined) return data;
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    for (const database of this.#databases) database.close();
  }

  #open(file: string): void {
    const database = read(() => new Database(file, { readonly: true, fileMustExist: true }));
    if (database === undefined) return;
    this.#databases.push(database);
    const select = read(() => {
      database.pragma('cell_size_check = ON');
      const columns = database.pragma('table_info(blob)') as { readonly name: string }[];
      const verifiedAt = columns.some(({ name }) => name === 'verified_at') ? 'verified_at' : 'NULL';
      return database.prepare<[Digest]>(`
        SELECT size, created_at AS createdAt, last_used_at AS lastUsedAt, ${verifiedAt} AS verifiedAt
        FROM blob WHERE digest = ?`);
    });
    if (select !== undefined) this.#selects.push(select);
  }
}

/** Undefined where SQLite finds nothing that it can read. */
function read<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof Database.SqliteError) return undefined;
    throw cause;
  }
}
