/** A number that the database keeps although it follows from other rows. */
interface AccountCheck {
  /**
   * Selects wrong ones: `account`, a name for display, `kept`, `counted`, and the parameters of `repair`.
   * CROSS JOIN keeps SQLite, which has no statistics, from starting with the wrong table.
   */
  readonly find: string;
  /** Writes the right number; `@difference` is `counted - kept`. */
  readonly repair: string;
  /**
   * Whether it is a sum over many rows. Sums are corrected by their error, as concurrent writes change rows
   * and sum alike, and only once the numbers in the rows are right. Other numbers are counted anew.
   */
  readonly isSum: boolean;
}

function total(column: 'blobs' | 'bytes' | 'manifests', count: string): AccountCheck {
  return {
    find: `
      SELECT 'all ${column}' AS account, ${column} AS kept, (${count}) AS counted FROM usage WHERE kept <> counted`,
    repair: `UPDATE usage SET ${column} = ${column} + @difference`,
    isSum: true,
  };
}

export const accountChecks = {
  blobs: total('blobs', 'SELECT count(*) FROM blob'),
  bytes: total('bytes', 'SELECT coalesce(sum(size), 0) FROM blob'),
  manifests: total('manifests', 'SELECT count(*) FROM manifest'),
  upstreams: {
    find: `
      WITH named AS (
        SELECT DISTINCT upstream, digest
        FROM repository CROSS JOIN repository_blob claim ON claim.repository = repository.id AND claim.manifests > 0
      ),
      counted AS (
        SELECT upstream, sum(blob.size) AS bytes FROM named CROSS JOIN blob USING (digest) GROUP BY upstream
      )
      SELECT 'bytes of ' || upstream AS account, kept.bytes AS kept, coalesce(counted.bytes, 0) AS counted, upstream
      FROM upstream_usage kept LEFT JOIN counted USING (upstream)
      WHERE kept.bytes <> coalesce(counted.bytes, 0)`,
    repair: `UPDATE upstream_usage SET bytes = bytes + @difference WHERE upstream = @upstream`,
    isSum: true,
  },
  repositories: {
    find: `
      WITH counted AS (
        SELECT claim.repository, sum(blob.size) AS bytes
        FROM repository_blob claim CROSS JOIN blob ON blob.digest = claim.digest
        WHERE claim.manifests > 0 GROUP BY claim.repository
      )
      SELECT 'bytes of ' || upstream || '/' || name AS account, repository.bytes AS kept,
        coalesce(counted.bytes, 0) AS counted, repository.id AS repository
      FROM repository LEFT JOIN counted ON counted.repository = repository.id
      WHERE kept <> counted`,
    repair: `UPDATE repository SET bytes = bytes + @difference WHERE id = @repository`,
    isSum: true,
  },
  namedBlobs: {
    find: `
      WITH counted AS (
        SELECT rm.repository, mb.blob AS digest, count(*) AS manifests
        FROM repository_manifest rm CROSS JOIN manifest_blob mb ON mb.manifest = rm.digest
        GROUP BY rm.repository, mb.blob
      )
      SELECT 'manifests of one repository that name ' || claim.digest AS account, claim.manifests AS kept,
        coalesce(counted.manifests, 0) AS counted, claim.repository, claim.digest
      FROM repository_blob claim LEFT JOIN counted USING (repository, digest)
      WHERE kept <> counted`,
    repair: `
      UPDATE repository_blob SET manifests = (
        SELECT count(*) FROM manifest_blob mb
        CROSS JOIN repository_manifest rm ON rm.repository = @repository AND rm.digest = mb.manifest
        WHERE mb.blob = @digest
      )
      WHERE repository = @repository AND digest = @digest`,
    isSum: false,
  },
  looseBlobs: {
    find: `
      SELECT 'whether no manifest names ' || digest AS account, loose AS kept,
        NOT EXISTS (SELECT 1 FROM manifest_blob WHERE blob = blob.digest) AS counted, digest
      FROM blob WHERE kept <> counted`,
    repair: `
      UPDATE blob SET loose = NOT EXISTS (SELECT 1 FROM manifest_blob WHERE blob = @digest) WHERE digest = @digest`,
    isSum: false,
  },
} satisfies Record<string, AccountCheck>;

export type AccountName = keyof typeof accountChecks;

export const accountNames = Object.keys(accountChecks) as AccountName[];
