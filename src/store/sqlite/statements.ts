import type Database from 'better-sqlite3';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName, Tag } from '../../oci/reference.ts';

interface InRepository {
  readonly upstream: string;
  readonly name: string;
}

interface UpstreamStateRow {
  readonly failures: number;
  readonly retry_at: number;
  readonly pull_limit: number | null;
  readonly pulls_remaining: number | null;
  readonly window_seconds: number | null;
}

/** Null leaves a column as it is. */
type UpstreamStateUpdate = { readonly upstream: string } & {
  readonly [column in keyof UpstreamStateRow]: number | null;
};

const thisRepository = `SELECT id FROM repository WHERE upstream = @upstream AND name = @name`;

/**
 * Every statement of the metadata store but those of expiry, prepared once on a migrated database.
 *
 * What a hit asks for goes through subqueries, not joins: this SQLite is built with STAT4, which plans a join anew
 * each time its parameters change, and that takes several times as long as the lookup.
 */
export class Statements {
  readonly manifest;
  readonly anyManifest;
  readonly insertManifest;
  readonly insertChild;
  readonly insertManifestBlob;
  readonly findRepository;
  readonly insertRepository;
  readonly insertRepositoryManifest;
  readonly insertRepositoryBlob;
  readonly tag;
  readonly upsertTag;
  readonly deleteTag;
  readonly tags;
  readonly repositories;
  readonly publicRepositories;
  readonly publicAt;
  readonly setPublicAt;
  readonly manifestsOfSubject;
  readonly referrers;
  readonly upsertReferrers;
  readonly repositoryBlob;
  readonly confirmRepositoryBlob;
  readonly blob;
  readonly upsertBlob;
  readonly deleteBlob;
  readonly touchManifest;
  readonly touchBlob;
  readonly upstreamState;
  readonly upsertUpstreamState;
  readonly check;

  constructor(database: Database.Database) {
    this.manifest = database.prepare<
      [InRepository & { digest: Digest }],
      { media_type: string; bytes: Buffer }
    >(`
      SELECT media_type, bytes FROM manifest
      WHERE digest = (SELECT digest FROM repository_manifest WHERE repository = (${thisRepository}) AND digest = @digest)`);
    this.anyManifest = database.prepare<[digest: Digest], { media_type: string; bytes: Buffer }>(
      `SELECT media_type, bytes FROM manifest WHERE digest = ?`,
    );
    this.insertManifest = database.prepare<
      [
        {
          digest: Digest;
          mediaType: string;
          subject: string | null;
          artifactType: string | null;
          now: number;
          bytes: Buffer;
        },
      ]
    >(`
      INSERT INTO manifest (digest, media_type, subject, artifact_type, created_at, last_used_at, bytes)
      VALUES (@digest, @mediaType, @subject, @artifactType, @now, @now, @bytes)
      ON CONFLICT (digest) DO NOTHING`);
    this.insertChild = database.prepare<[parent: Digest, child: Digest]>(
      `INSERT INTO manifest_child (parent, child) VALUES (?, ?) ON CONFLICT DO NOTHING`,
    );
    this.insertManifestBlob = database.prepare<[manifest: Digest, blob: Digest]>(
      `INSERT INTO manifest_blob (manifest, blob) VALUES (?, ?) ON CONFLICT DO NOTHING`,
    );
    this.findRepository = database.prepare<[InRepository], { id: number }>(thisRepository);
    this.insertRepository = database.prepare<[InRepository], { id: number }>(
      `INSERT INTO repository (upstream, name) VALUES (@upstream, @name) RETURNING id`,
    );
    this.insertRepositoryManifest = database.prepare<[repository: number, digest: Digest]>(
      `INSERT INTO repository_manifest (repository, digest) VALUES (?, ?) ON CONFLICT DO NOTHING`,
    );
    this.insertRepositoryBlob = database.prepare<[repository: number, digest: Digest, size: number]>(
      `INSERT INTO repository_blob (repository, digest, size) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
    );
    this.tag = database.prepare<[InRepository & { tag: Tag }], { digest: Digest; checkedAt: number }>(`
      SELECT digest, checked_at AS checkedAt FROM tag
      WHERE repository = (${thisRepository}) AND name = @tag`);
    this.upsertTag = database.prepare<[InRepository & { tag: Tag; digest: Digest; checkedAt: number }]>(`
      INSERT INTO tag (repository, name, digest, checked_at)
      SELECT repository, @tag, digest, @checkedAt FROM repository_manifest
      WHERE repository = (${thisRepository}) AND digest = @digest
      ON CONFLICT (repository, name) DO UPDATE SET digest = excluded.digest, checked_at = excluded.checked_at`);
    this.deleteTag = database.prepare<[InRepository & { tag: Tag }]>(
      `DELETE FROM tag WHERE repository = (${thisRepository}) AND name = @tag`,
    );
    this.tags = database.prepare<[InRepository], { name: Tag }>(
      `SELECT name FROM tag WHERE repository = (${thisRepository}) ORDER BY name`,
    );
    const listed = (condition: string) =>
      database.prepare<[{ upstream: string; last: string; limit: number }], { name: RepositoryName }>(`
        SELECT name FROM repository
        WHERE upstream = @upstream AND name > @last AND ${condition}
          AND EXISTS (SELECT 1 FROM repository_manifest WHERE repository = repository.id)
        ORDER BY name LIMIT @limit`);
    this.repositories = listed('TRUE');
    this.publicRepositories = listed('public_at IS NOT NULL');
    this.publicAt = database.prepare<[InRepository], { public_at: number | null }>(
      `SELECT public_at FROM repository WHERE upstream = @upstream AND name = @name`,
    );
    this.setPublicAt = database.prepare<[InRepository & { at: number | null }]>(
      `UPDATE repository SET public_at = @at WHERE upstream = @upstream AND name = @name`,
    );
    this.manifestsOfSubject = database.prepare<
      [InRepository & { subject: Digest }],
      { digest: Digest; media_type: string; bytes: Buffer }
    >(`
      SELECT digest, media_type, bytes FROM manifest
      WHERE subject = @subject
        AND digest IN (SELECT digest FROM repository_manifest WHERE repository = (${thisRepository}))
      ORDER BY digest`);
    this.referrers = database.prepare<
      [InRepository & { subject: Digest }],
      { descriptors: string; checkedAt: number }
    >(`
      SELECT descriptors, checked_at AS checkedAt FROM referrers
      WHERE repository = (${thisRepository}) AND subject = @subject`);
    this.upsertReferrers = database.prepare<
      [repository: number, subject: Digest, checkedAt: number, descriptors: string]
    >(`
      INSERT OR REPLACE INTO referrers (repository, subject, checked_at, descriptors) VALUES (?, ?, ?, ?)`);
    // The size of bytes that were hashed beats the size that some manifest claims.
    this.repositoryBlob = database.prepare<[InRepository & { digest: Digest }], { size: number }>(`
      SELECT coalesce((SELECT size FROM blob WHERE digest = @digest), size) AS size FROM repository_blob
      WHERE repository = (${thisRepository}) AND digest = @digest`);
    this.confirmRepositoryBlob = database.prepare<
      [repository: number, digest: Digest, size: number, now: number]
    >(`
      INSERT INTO repository_blob (repository, digest, size, confirmed_at) VALUES (?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET size = excluded.size, confirmed_at = excluded.confirmed_at`);
    this.blob = database.prepare<[Digest], { size: number }>(`SELECT size FROM blob WHERE digest = ?`);
    this.upsertBlob = database.prepare<[{ digest: Digest; size: number; now: number }]>(`
      INSERT INTO blob (digest, size, created_at, last_used_at) VALUES (@digest, @size, @now, @now)
      ON CONFLICT DO UPDATE SET size = excluded.size, last_used_at = excluded.last_used_at`);
    this.deleteBlob = database.prepare<[Digest]>(`DELETE FROM blob WHERE digest = ?`);
    this.touchManifest = database.prepare<[{ digest: Digest; at: number }]>(
      `UPDATE manifest SET last_used_at = @at WHERE digest = @digest AND last_used_at < @at`,
    );
    this.touchBlob = database.prepare<[{ digest: Digest; at: number }]>(
      `UPDATE blob SET last_used_at = @at WHERE digest = @digest AND last_used_at < @at`,
    );
    this.upstreamState = database.prepare<[string], UpstreamStateRow>(
      `SELECT failures, retry_at, pull_limit, pulls_remaining, window_seconds FROM upstream_state WHERE upstream = ?`,
    );
    this.upsertUpstreamState = database.prepare<[UpstreamStateUpdate]>(`
      INSERT INTO upstream_state (upstream, failures, retry_at, pull_limit, pulls_remaining, window_seconds)
      VALUES (
        @upstream, coalesce(@failures, 0), coalesce(@retry_at, 0), @pull_limit, @pulls_remaining, @window_seconds
      )
      ON CONFLICT DO UPDATE SET
        failures = coalesce(@failures, failures),
        retry_at = coalesce(@retry_at, retry_at),
        pull_limit = coalesce(@pull_limit, pull_limit),
        pulls_remaining = coalesce(@pulls_remaining, pulls_remaining),
        window_seconds = coalesce(@window_seconds, window_seconds)`);
    this.check = database.prepare<[now: number]>(
      `INSERT OR REPLACE INTO write_check (id, checked_at) VALUES (1, ?)`,
    );
  }
}
