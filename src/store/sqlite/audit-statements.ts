import type Database from 'better-sqlite3';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName, Tag, UpstreamName } from '../../oci/reference.ts';
import { accountChecks, accountNames } from './account-checks.ts';

interface ImageNameRow {
  readonly upstream: UpstreamName;
  readonly name: RepositoryName;
  readonly tag: Tag | null;
  readonly digest: Digest;
}

/** Manifests that are looked through for names: a base layer may be in very many. */
const mostHolders = 200;
/** Verifications that are taken back at a time. */
export const distrustBatch = 500;

export type AuditStatements = ReturnType<typeof auditStatements>;

/** The statements of an audit, prepared on a migrated database. */
export function auditStatements(database: Database.Database) {
  const repairs = accountNames.map(
    (name) => [name, database.prepare<[object]>(accountChecks[name].repair)] as const,
  );
  return {
    repairs: new Map(repairs),
    manifests: database
      .prepare<[after: string, limit: number], Digest>(
        `SELECT digest FROM manifest WHERE digest > ? ORDER BY digest LIMIT ?`,
      )
      .pluck(),
    imagesNaming: database.prepare<[{ digest: Digest; limit: number }], ImageNameRow>(`
      WITH RECURSIVE holder (digest) AS (
        SELECT digest FROM manifest WHERE digest = @digest
        UNION
        SELECT manifest FROM manifest_blob WHERE blob = @digest
        UNION
        SELECT parent FROM holder CROSS JOIN manifest_child ON child = holder.digest
        LIMIT ${mostHolders}
      )
      SELECT upstream, repository.name, tag.name AS tag, holder.digest
      FROM holder
      CROSS JOIN repository_manifest rm ON rm.digest = holder.digest
      CROSS JOIN repository ON repository.id = rm.repository
      LEFT JOIN tag ON tag.repository = rm.repository AND tag.digest = rm.digest
      ORDER BY tag.name IS NULL, upstream, repository.name, tag.name
      LIMIT @limit`),
    oldestVerification: database
      .prepare<[], number | null>(`SELECT verified_at FROM blob ORDER BY verified_at, digest LIMIT 1`)
      .pluck(),
    distrust: database.prepare<[now: number]>(`
      UPDATE blob SET verified_at = NULL
      WHERE digest IN (SELECT digest FROM blob WHERE verified_at > ? LIMIT ${distrustBatch})`),
  };
}
