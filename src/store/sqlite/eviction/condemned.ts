import type Database from 'better-sqlite3';
import type { Digest } from '../../../oci/digest.ts';

export type Condemned = ReturnType<typeof condemnedStatements>;

/** The table of blobs whose rows are gone and whose bytes are still to be removed. */
export function condemnedStatements(database: Database.Database) {
  return {
    first: database.prepare<[limit: number], Digest>(`SELECT digest FROM condemned LIMIT ?`).pluck(),
    find: database.prepare<[Digest], Digest>(`SELECT digest FROM condemned WHERE digest = ?`).pluck(),
    add: database.prepare<[Digest]>(`INSERT INTO condemned (digest) VALUES (?) ON CONFLICT DO NOTHING`),
    remove: database.prepare<[Digest]>(`DELETE FROM condemned WHERE digest = ?`),
  };
}
