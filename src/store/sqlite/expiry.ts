import type Database from 'better-sqlite3';
import type { Digest } from '../../oci/digest.ts';

/**
 * Forgets what nobody has used. To be run inside a transaction.
 *
 * Rights to read a blob go with the last manifest of the repository that names it. One that upstream confirmed stays as
 * long as the blob's bytes are held, and for bytes that are not, as long as the confirmation is recent.
 *
 * What belongs to a manifest stays with it: what refers to it by `subject`, and what is tagged after its digest, by the
 * referrers tag schema or by cosign's rule.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
export class Expiry {
  readonly #clearDoomed;
  readonly #doomManifests;
  readonly #forgetManifestRights;
  readonly #deleteManifests;
  readonly #deleteBlobs;
  readonly #forgetConfirmedRights;
  readonly #forgetReferrers;
  readonly #deleteRepositories;

  constructor(database: Database.Database) {
    database.exec(`CREATE TEMP TABLE doomed (digest TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID`);
    this.#clearDoomed = database.prepare(`DELETE FROM doomed`);
    this.#doomManifests = database.prepare<[{ before: number }]>(`
      WITH RECURSIVE companion (suffix) AS (VALUES (''), ('.sig'), ('.att'), ('.sbom')),
      kept (digest) AS (
        SELECT digest FROM manifest WHERE last_used_at >= @before
        UNION
        SELECT child FROM kept CROSS JOIN manifest_child ON parent = kept.digest
        UNION
        SELECT manifest.digest FROM kept CROSS JOIN manifest ON subject = kept.digest
        UNION
        SELECT tag.digest FROM kept
        CROSS JOIN repository_manifest rm ON rm.digest = kept.digest
        CROSS JOIN companion
        CROSS JOIN tag ON tag.repository = rm.repository
          AND tag.name = substr(replace(kept.digest, ':', '-'), 1, 71) || companion.suffix
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
    this.#forgetReferrers = database.prepare<[{ before: number }]>(`
      DELETE FROM referrers
      WHERE checked_at < @before AND NOT EXISTS (
        SELECT 1 FROM repository_manifest rm
        WHERE rm.repository = referrers.repository AND rm.digest = referrers.subject
      )`);
    this.#deleteRepositories = database.prepare<[{ before: number }]>(`
      DELETE FROM repository
      WHERE (public_at IS NULL OR public_at < @before)
        AND NOT EXISTS (SELECT 1 FROM repository_manifest WHERE repository = repository.id)
        AND NOT EXISTS (SELECT 1 FROM repository_blob WHERE repository = repository.id)
        AND NOT EXISTS (SELECT 1 FROM referrers WHERE repository = repository.id)`);
  }

  /** Forgets what was not used since `before` (ms since the epoch). Returns the blobs whose bytes may go. */
  run(before: number): readonly Digest[] {
    this.#clearDoomed.run();
    this.#doomManifests.run({ before });
    this.#forgetManifestRights.run();
    this.#deleteManifests.run();
    const blobs = this.#deleteBlobs.all({ before });
    this.#forgetConfirmedRights.run({ before });
    this.#forgetReferrers.run({ before });
    this.#deleteRepositories.run({ before });
    return blobs.map(({ digest }) => digest);
  }
}
