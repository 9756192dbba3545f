import type Database from 'better-sqlite3';
import type { Digest } from '../../oci/digest.ts';
import type { Repository, RepositoryName, Tag } from '../../oci/reference.ts';

export interface InRepository {
  readonly upstream: string;
  readonly name: string;
}

/** A row of the table of repositories. */
export interface RepositoryRow extends Repository {
  readonly id: number;
}

export const thisRepository = `SELECT id FROM repository WHERE upstream = @upstream AND name = @name`;

export type Statements = ReturnType<typeof statements>;

/**
 * Statements of the metadata store, prepared once on a migrated database.
 *
 * Hot lookups use subqueries, not joins: this SQLite is built with STAT4, which plans a join anew each time
 * its parameters change, and that takes several times as long as the lookup.
 */
export function statements(database: Database.Database) {
  const findRepository = database.prepare<[InRepository], { id: number }>(thisRepository);
  const insertRepository = database.prepare<[InRepository], { id: number }>(
    `INSERT INTO repository (upstream, name) VALUES (@upstream, @name) RETURNING id`,
  );
  const listed = (condition: string) =>
    database.prepare<[{ upstream: string; last: string; limit: number }], { name: RepositoryName }>(`
      SELECT name FROM repository
      WHERE upstream = @upstream AND name > @last AND ${condition}
        AND EXISTS (SELECT 1 FROM repository_manifest WHERE repository = repository.id)
      ORDER BY name LIMIT @limit`);
  return {
    /** The id of a repository's row, which is inserted if need be. */
    repositoryId: ({ upstream, name }: Repository): number => {
      const repository = { upstream, name };
      const row = findRepository.get(repository) ?? insertRepository.get(repository);
      if (row === undefined) throw new TypeError('INSERT … RETURNING gave no row');
      return row.id;
    },
    insertRepositoryManifest: database.prepare<[repository: number, digest: Digest]>(
      `INSERT INTO repository_manifest (repository, digest) VALUES (?, ?) ON CONFLICT DO NOTHING`,
    ),
    claimRepositoryBlob: database.prepare<[repository: number, digest: Digest, size: number]>(`
      INSERT INTO repository_blob (repository, digest, size, manifests) VALUES (?, ?, ?, 1)
      ON CONFLICT DO UPDATE SET manifests = manifests + 1`),
    tag: database.prepare<[InRepository & { tag: Tag }], { digest: Digest; checkedAt: number }>(`
      SELECT digest, checked_at AS checkedAt FROM tag
      WHERE repository = (${thisRepository}) AND name = @tag`),
    upsertTag: database.prepare<[InRepository & { tag: Tag; digest: Digest; checkedAt: number }]>(`
      INSERT INTO tag (repository, name, digest, checked_at)
      SELECT repository, @tag, digest, @checkedAt FROM repository_manifest
      WHERE repository = (${thisRepository}) AND digest = @digest
      ON CONFLICT (repository, name) DO UPDATE SET digest = excluded.digest, checked_at = excluded.checked_at`),
    deleteTag: database.prepare<[InRepository & { tag: Tag }]>(
      `DELETE FROM tag WHERE repository = (${thisRepository}) AND name = @tag`,
    ),
    tags: database.prepare<[InRepository], { name: Tag }>(
      `SELECT name FROM tag WHERE repository = (${thisRepository}) ORDER BY name`,
    ),
    repositories: listed('TRUE'),
    publicRepositories: listed('public_at IS NOT NULL'),
    publicAt: database.prepare<[InRepository], { public_at: number | null }>(
      `SELECT public_at FROM repository WHERE upstream = @upstream AND name = @name`,
    ),
    setPublicAt: database.prepare<[InRepository & { at: number | null }]>(
      `UPDATE repository SET public_at = @at WHERE upstream = @upstream AND name = @name`,
    ),
    // The size of bytes that were hashed beats the size that some manifest claims.
    repositoryBlob: database.prepare<
      [InRepository & { digest: Digest }],
      { size: number; verified: number | null; confirmed: number }
    >(`
      SELECT size, (SELECT size FROM blob WHERE digest = @digest) AS verified, confirmed_at IS NOT NULL AS confirmed
      FROM repository_blob
      WHERE repository = (${thisRepository}) AND digest = @digest`),
    confirmRepositoryBlob: database.prepare<[repository: number, digest: Digest, size: number, now: number]>(`
      INSERT INTO repository_blob (repository, digest, size, confirmed_at) VALUES (?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET size = excluded.size, confirmed_at = excluded.confirmed_at`),
    // What manifests state gives way to what the bytes have, also once these are evicted.
    resizeRepositoryBlobs: database.prepare<[{ digest: Digest; size: number }]>(
      `UPDATE repository_blob SET size = @size WHERE digest = @digest AND size <> @size`,
    ),
    publicBlob: database.prepare<[digest: Digest, open: string], { found: number }>(`
      SELECT 1 AS found FROM repository_blob JOIN repository ON repository.id = repository_blob.repository
      WHERE digest = ? AND confirmed_at IS NOT NULL
        AND (public_at IS NOT NULL OR upstream IN (SELECT value FROM json_each(?)))
      LIMIT 1`),
    blob: database.prepare<[Digest], { size: number }>(`SELECT size FROM blob WHERE digest = ?`),
    upsertBlob: database.prepare<
      [{ digest: Digest; size: number; at: number; position: number; verifiedAt: number | null }]
    >(`
      INSERT INTO blob (digest, size, created_at, last_used_at, queue_at, verified_at, loose)
      VALUES (
        @digest, @size, @at, @at, @position, @verifiedAt,
        NOT EXISTS (SELECT 1 FROM manifest_blob WHERE blob = @digest)
      )
      ON CONFLICT DO UPDATE SET
        size = excluded.size, last_used_at = excluded.last_used_at, queue_at = excluded.queue_at,
        verified_at = excluded.verified_at`),
    resizeBlob: database.prepare<[size: number, digest: Digest]>(`UPDATE blob SET size = ? WHERE digest = ?`),
    deleteBlob: database.prepare<[Digest]>(`DELETE FROM blob WHERE digest = ?`),
    check: database.prepare<[now: number]>(
      `INSERT OR REPLACE INTO write_check (id, checked_at) VALUES (1, ?)`,
    ),
  };
}
