import Database from 'better-sqlite3';
import { digestAlgorithms } from '../../../oci/digest.ts';
import { databaseError } from '../error.ts';

/** Rows that are read together. */
const page = 200;
/** Failed reads, beyond which looking closer at the damage takes longer than it is worth. */
const maxFailures = { table: 2000, file: 20_000 };
/** Behind everything that begins with a prefix. */
const beyond = '\u{10ffff}';
/** Before everything that continues a key. */
const next = '\u0001';

const hex = '0123456789abcdef'.split('');
const written = '-.0123456789:ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz'.split('');

/** The keys of a table, as they are split up around damage. */
interface KeyShape {
  /** What keys begin with. */
  readonly prefixes: readonly string[];
  /** What follows, character by character. */
  readonly alphabet: readonly string[];
  /** How many characters to tell apart. */
  readonly depth: number;
}

export const digestKeys: KeyShape = {
  prefixes: digestAlgorithms.map((algorithm) => `${algorithm}:`),
  alphabet: hex,
  depth: 5,
};
export const nameKeys: KeyShape = { prefixes: [''], alphabet: written, depth: 6 };

export type Row = Readonly<Record<string, unknown>>;

/** Rows as the file has them: nothing about them is sure. */
type ReadText = (from: string, to: string, limit: number) => readonly Row[];
type ReadNumbers = (from: number, to: number, limit: number) => readonly Row[];

/** Reads what can be read of a database that may be damaged anywhere. Blocks: for a thread of its own. */
export class DamagedDatabase implements Disposable {
  readonly #database: Database.Database;
  #gaps = 0;
  #failures = 0;
  /** Whether the last read met nothing but damage. */
  #inGap = false;

  private constructor(database: Database.Database) {
    this.#database = database;
  }

  /** @throws {StoreError} `CORRUPT` when not even its schema can be read */
  static open(file: string): DamagedDatabase {
    let database: Database.Database | undefined;
    try {
      database = new Database(file, { readonly: true, fileMustExist: true });
      database.pragma('cell_size_check = ON');
      database.pragma('trusted_schema = OFF');
      // Nothing is written, but SQLite then opens a file that has lost its end.
      database.unsafeMode();
      database.pragma('writable_schema = ON');
      database.prepare('SELECT count(*) FROM sqlite_schema').get();
      return new DamagedDatabase(database);
    } catch (cause) {
      database?.close();
      throw databaseError(cause);
    }
  }

  /** Places so far whose rows could not be read. */
  get gaps(): number {
    return this.#gaps;
  }

  /** The names of a table's columns; none when there is no such table. */
  columns(table: string): ReadonlySet<string> {
    const rows = this.#attempt(() => this.#database.pragma(`table_info(${table})`) as { name: string }[]);
    return new Set(rows?.map(({ name }) => name));
  }

  /** @param sql has the parameters `@from` (inclusive), `@to` (exclusive), `@limit`, and `others` */
  text(sql: string, others: Row = {}): ReadText {
    const statement = this.#database.prepare<[Row], Row>(sql);
    return (from, to, limit) => statement.all({ ...others, from, to, limit });
  }

  /** @param sql selects with the parameters `@from` and `@to` (both inclusive) and `@limit` */
  numbers(sql: string): ReadNumbers {
    const statement = this.#database.prepare<[Row], Row>(sql);
    return (from, to, limit) => statement.all({ from, to, limit });
  }

  /** A single value, or undefined where it cannot be read. */
  one(sql: string, parameters: Row = {}): unknown {
    return this.#attempt(() => this.#database.prepare(sql).pluck().get(parameters));
  }

  /** Rows that are found together or not at all. */
  all(sql: string): (parameters: Row) => readonly Row[] {
    const statement = this.#database.prepare<[Row], Row>(sql);
    return (parameters) => this.#attempt(() => statement.all(parameters)) ?? [];
  }

  /** All rows of a table that can be read, in the order of their `key`, a number. */
  *byNumber(read: ReadNumbers, highest: number): Generator<Row> {
    const budget = { failures: 0 };
    yield* this.#numbersBetween(read, { from: 0, to: highest }, budget);
  }

  /** All rows of a table that can be read, in the order of their `key`, a text. */
  *byText(read: ReadText, { prefixes, alphabet, depth }: KeyShape): Generator<Row> {
    const budget = { failures: 0 };
    for (const prefix of prefixes) {
      yield* this.#textsUnder(read, { prefix, from: prefix, alphabet, depth }, budget);
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  *#numbersBetween(
    read: ReadNumbers,
    { from, to }: { readonly from: number; readonly to: number },
    budget: { failures: number },
  ): Generator<Row> {
    const at = yield* this.#pages(
      (start) => read(start, to, page),
      from,
      (last) => last + 1,
    );
    if (at === undefined || at > to) return;
    if (this.#givesUp(budget) || at === to) {
      this.#noteGap();
      return;
    }
    const middle = Math.floor((at + to) / 2);
    yield* this.#numbersBetween(read, { from: at, to: middle }, budget);
    yield* this.#numbersBetween(read, { from: middle + 1, to }, budget);
  }

  *#textsUnder(
    read: ReadText,
    part: { prefix: string; from: string; alphabet: readonly string[]; depth: number },
    budget: { failures: number },
  ): Generator<Row> {
    const { prefix, from, alphabet, depth } = part;
    const at = yield* this.#pages(
      (start) => read(start, prefix + beyond, page),
      from,
      (last) => last + next,
    );
    if (at === undefined) return;
    if (this.#givesUp(budget) || depth === 0) {
      this.#noteGap();
      return;
    }
    if (at <= prefix) yield* this.#attempt(() => read(prefix, prefix + next, 1)) ?? [];
    for (const character of alphabet) {
      const child = prefix + character;
      if (child + beyond <= at) continue;
      const start = child > at ? child : at;
      yield* this.#textsUnder(read, { prefix: child, from: start, alphabet, depth: depth - 1 }, budget);
    }
  }

  /** Rows from `start` on, in pages. Returns where the first unreadable page begins, if any. */
  *#pages<K extends number | string>(
    read: (start: K) => readonly Row[],
    start: K,
    after: (last: K) => K,
  ): Generator<Row, K | undefined> {
    for (let at = start; ;) {
      const from = at;
      const rows = this.#attempt(() => read(from));
      if (rows === undefined) return at;
      if (rows.length > 0) this.#inGap = false;
      yield* rows;
      const last = rows.at(-1)?.['key'];
      // Keys of a damaged tree may go in circles.
      if (rows.length < page || typeof last !== typeof at || (last as K) < at) return undefined;
      at = after(last as K);
    }
  }

  #givesUp(budget: { failures: number }): boolean {
    budget.failures += 1;
    this.#failures += 1;
    return budget.failures > maxFailures.table || this.#failures > maxFailures.file;
  }

  #noteGap(): void {
    if (!this.#inGap) this.#gaps += 1;
    this.#inGap = true;
  }

  /** Undefined where the database, or the disk under it, is damaged. */
  #attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (cause) {
      const unreadable = cause instanceof Database.SqliteError && cause.code.startsWith('SQLITE_IOERR');
      if (!unreadable && databaseError(cause).code !== 'CORRUPT') throw cause;
      return undefined;
    }
  }
}
