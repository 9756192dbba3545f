import type Database from 'better-sqlite3';
import type { Digest } from '../../oci/digest.ts';

/**
 * Forgets what nobody has used. To be run inside a transaction.
 *
 * Rights to read a blob go with the last manifest of the repository that names it. One that upstream confirmed stays as
 * long as the blob's bytes are held, and for bytes that are not, as long as the confirmation is recent.
 */
export class Expiry {
  readonly #clearDoomed;
  readonly #doomManifests;
  readonly #forgetManifestRights;
  readonly #deleteManifests;
  readonly #deleteBlobs;
  readonly #forgetConfirmedRights;
  readonly #deleteRepositories;

  constructor(database: Database.Database) {
    database.exec(`CREATE TEMP TABLE doomed (digest TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID`);
    this.#clearDoomed = database.prepare(`DELETE FROM doomed`);
    this.#doomManifests = database.prepare<[{ before: number }]>(`
      WITH RECURSIVE kept (digest) AS (
        SELECT digest FROM manifest WHERE last_used_at >= @before
        UNION
        SELECT child FROM manifest_child JOIN kept ON parent = kept.digest
      )
      INSERT INTO doomed
      SELECT digest FROM manifest WHERE last_used_at < @before AND digest NOT IN kept`);
    // CROSS JOIN keeps SQLite from starting with the largest table, of which it has no statistics.
    this.#forgetManifestRights = database.prepare(`
      DELETE FROM repository_blob WHERE confirmed_at IS NULL
      AND (repository, digest) IN (
        SELECT rm.repository, mb.blob
        FROM doomed
        CROSS JOIN repository_manifest rm ON rm.digest = doomed.digest
        CROSS JOIN manifest_blob mb ON mb.manifest = doomed.digest
      )
      AND NOT EXISTS (
        SELECT 1 FROM manifest_blob mb
        JOIN repository_manifest rm ON rm.digest = mb.manifest AND rm.repository = repository_blob.repository
        WHERE mb.blob = repository_blob.digest AND mb.manifest NOT IN doomed
      )`);
    this.#deleteManifests = database.prepare(`DELETE FROM manifest WHERE digest IN doomed`);
    this.#deleteBlobs = database.prepare<[{ before: number }], { digest: Digest }>(`
      DELETE FROM blob
      WHERE last_used_at < @before AND NOT EXISTS (SELECT 1 FROM manifest_blob WHERE blob = blob.digest)
      RETURNING digest`);
    this.#forgetConfirmedRights = database.prepare<[{ before: number }]>(`
      DELETE FROM repository_blob
      WHERE confirmed_at < @before
        AND NOT EXISTS (SELECT 1 FROM blob WHERE blob.digest = repository_blob.digest)
        AND NOT EXISTS (
          SELECT 1 FROM manifest_blob mb
          JOIN repository_manifest rm ON rm.digest = mb.manifest AND rm.repository = repository_blob.repository
          WHERE mb.blob = repository_blob.digest
        )`);
    this.#deleteRepositories = database.prepare(`
      DELETE FROM repository
      WHERE NOT EXISTS (SELECT 1 FROM repository_manifest WHERE repository = repository.id)
        AND NOT EXISTS (SELECT 1 FROM repository_blob WHERE repository = repository.id)`);
  }

  /** Forgets what was not used since `before` (ms since the epoch). Returns the blobs whose bytes may go. */
  run(before: number): readonly Digest[] {
    this.#clearDoomed.run();
    this.#doomManifests.run({ before });
    this.#forgetManifestRights.run();
    this.#deleteManifests.run();
    const blobs = this.#deleteBlobs.all({ before });
    this.#forgetConfirmedRights.run({ before });
    this.#deleteRepositories.run();
    return blobs.map(({ digest }) => digest);
  }
}
