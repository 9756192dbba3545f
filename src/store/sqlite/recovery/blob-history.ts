import Database from 'better-sqlite3';
import type { Digest } from '../../../oci/digest.ts';

/** What a database that was lost knew of a blob. Times in milliseconds since the epoch. */
export interface PastBlob {
  readonly size: number;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly verifiedAt: number | null;
}

type Answer = { readonly [field in keyof PastBlob]: unknown };

/** What can still be read, in damaged databases and copies, of the past of blobs. */
export class BlobHistory {
  readonly #databases: Database.Database[] = [];
  readonly #selects: ((digest: Digest) => Answer | undefined)[] = [];

  /** @param files the one that is asked first comes first; those that cannot be opened are left out */
  constructor(files: readonly string[]) {
    for (const file of files) this.#open(file);
  }

  of(digest: Digest): PastBlob | undefined {
    for (const select of this.#selects) {
      const past = read(() => select(digest));
      if (past !== undefined && isPast(past)) return past;
    }
    return undefined;
  }

  close(): void {
    for (const database of this.#databases.splice(0)) database.close();
  }

  #open(file: string): void {
    const database = read(() => new Database(file, { readonly: true, fileMustExist: true }));
    if (database === undefined) return;
    this.#databases.push(database);
    const statement = read(() => {
      database.pragma('cell_size_check = ON');
      const columns = database.pragma('table_info(blob)') as { readonly name: string }[];
      const verifiedAt = columns.some(({ name }) => name === 'verified_at') ? 'verified_at' : 'NULL';
      return database.prepare<[Digest], Answer>(`
        SELECT size, created_at AS createdAt, last_used_at AS lastUsedAt, ${verifiedAt} AS verifiedAt
        FROM blob WHERE digest = ?`);
    });
    if (statement !== undefined) this.#selects.push((digest) => statement.get(digest));
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

function isPast(answer: Answer): answer is PastBlob {
  const { size, createdAt, lastUsedAt, verifiedAt } = answer;
  return (
    isWhole(size) && isWhole(createdAt) && isWhole(lastUsedAt) && (verifiedAt === null || isWhole(verifiedAt))
  );
}

function isWhole(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
