import type Database from 'better-sqlite3';

/** A row whose count of something is not what can be counted. */
export interface Miscounted {
  readonly kept: number;
  readonly counted: number;
}

export interface MiscountedClaim extends Miscounted {
  readonly repository: number;
  readonly digest: string;
}

export interface MiscountedBlob extends Miscounted {
  readonly digest: string;
}

export interface MiscountedRepository extends Miscounted {
  readonly repository: number;
  readonly upstream: string;
  readonly name: string;
}

export interface MiscountedUpstream extends Miscounted {
  readonly upstream: string;
}

export interface MiscountedTotal extends Miscounted {
  readonly total: 'blobs' | 'bytes' | 'manifests';
}

/** By what has to be put right first: accounts of bytes follow from claims. */
export interface Miscounts {
  /** `repository_blob.manifests`. */
  readonly claims: readonly MiscountedClaim[];
  /** `blob.loose`. */
  readonly blobs: readonly MiscountedBlob[];
  readonly repositories: readonly MiscountedRepository[];
  readonly upstreams: readonly MiscountedUpstream[];
  readonly totals: readonly MiscountedTotal[];
}

/** Of each kind; where there are more, counting again finds them. */
const most = 10_000;

/** Compares accounts with what they stand for, as of one moment. Reads everything: to be run off the main thread. */
export function findMiscounts(database: Database.Database): Miscounts {
  // CROSS JOIN keeps SQLite, which has no statistics, from starting with the wrong table.
  const find = database.transaction((): Miscounts => ({
    claims: database
      .prepare<[number], MiscountedClaim>(
        `
          WITH counted AS (
            SELECT rm.repository, mb.blob AS digest, count(*) AS manifests
            FROM repository_manifest rm CROSS JOIN manifest_blob mb ON mb.manifest = rm.digest
            GROUP BY rm.repository, mb.blob
          )
          SELECT claim.repository, claim.digest, claim.manifests AS kept, coalesce(counted.manifests, 0) AS counted
          FROM repository_blob claim LEFT JOIN counted USING (repository, digest)
          WHERE kept <> counted LIMIT ?`,
      )
      .all(most),
    blobs: database
      .prepare<[number], MiscountedBlob>(
        `
          SELECT digest, loose AS kept, NOT EXISTS (SELECT 1 FROM manifest_blob WHERE blob = blob.digest) AS counted
          FROM blob WHERE kept <> counted LIMIT ?`,
      )
      .all(most),
    repositories: database
      .prepare<[number], MiscountedRepository>(
        `
          WITH counted AS (
            SELECT claim.repository, sum(blob.size) AS bytes
            FROM repository_blob claim CROSS JOIN blob ON blob.digest = claim.digest
            WHERE claim.manifests > 0 GROUP BY claim.repository
          )
          SELECT repository.id AS repository, upstream, name, repository.bytes AS kept,
            coalesce(counted.bytes, 0) AS counted
          FROM repository LEFT JOIN counted ON counted.repository = repository.id
          WHERE kept <> counted LIMIT ?`,
      )
      .all(most),
    upstreams: database
      .prepare<[number], MiscountedUpstream>(
        `
          WITH named AS (
            SELECT DISTINCT upstream, digest
            FROM repository CROSS JOIN repository_blob claim ON claim.repository = repository.id AND claim.manifests > 0
          ),
          counted AS (
            SELECT upstream, sum(blob.size) AS bytes FROM named CROSS JOIN blob USING (digest) GROUP BY upstream
          )
          SELECT upstream, kept.bytes AS kept, coalesce(counted.bytes, 0) AS counted
          FROM upstream_usage kept LEFT JOIN counted USING (upstream)
          WHERE kept.bytes <> coalesce(counted.bytes, 0) LIMIT ?`,
      )
      .all(most),
    totals: database
      .prepare<[], MiscountedTotal>(
        `
          SELECT 'blobs' AS total, usage.blobs AS kept, (SELECT count(*) FROM blob) AS counted
          FROM usage WHERE kept <> counted
          UNION ALL
          SELECT 'bytes', usage.bytes, (SELECT coalesce(sum(size), 0) FROM blob) AS counted
          FROM usage WHERE usage.bytes <> counted
          UNION ALL
          SELECT 'manifests', usage.manifests, (SELECT count(*) FROM manifest) AS counted
          FROM usage WHERE usage.manifests <> counted`,
      )
      .all(),
  }));
  return find();
}
