import type Database from 'better-sqlite3';
import type { Digest } from '../../../oci/digest.ts';

/** The table of blobs whose rows are gone and whose bytes are still to go. */
export class Condemned {
  readonly #first;
  readonly #find;
  readonly #insert;
  readonly #delete;

  constructor(database: Database.Database) {
    this.#first = database.prepare<[limit: number], Digest>(`SELECT digest FROM condemned LIMIT ?`).pluck();
    this.#find = database.prepare<[Digest], { found: number }>(
      `SELECT 1 AS found FROM condemned WHERE digest = ?`,
    );
    this.#insert = database.prepare<[Digest]>(
      `INSERT INTO condemned (digest) VALUES (?) ON CONFLICT DO NOTHING`,
    );
    this.#delete = database.prepare<[Digest]>(`DELETE FROM condemned WHERE digest = ?`);
  }

  first(limit: number): readonly Digest[] {
    return this.#first.all(limit);
  }

  has(digest: Digest): boolean {
    return this.#find.get(digest) !== undefined;
  }

  add(digest: Digest): void {
    this.#insert.run(digest);
  }

  forget(digest: Digest): void {
    this.#delete.run(digest);
  }
}
