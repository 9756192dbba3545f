import type Database from 'better-sqlite3';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName, Tag, UpstreamName } from '../../oci/reference.ts';
import type { AccountError } from '../audit.ts';
import { accountChecks, accountNames, type AccountName } from './account-checks.ts';

/** A number that is wrong, with the keys of its row. */
interface Miscount extends AccountError {
  readonly repository?: number;
  readonly digest?: string;
  readonly upstream?: string;
}

interface DanglingTagRow {
  readonly upstream: UpstreamName;
  readonly name: RepositoryName;
  readonly tag: Tag;
  readonly digest: Digest;
}

export interface AuditFindings {
  readonly miscounts: readonly (readonly [AccountName, readonly Miscount[]])[];
  /** Tags whose repository does not hold what they point to. */
  readonly danglingTags: readonly DanglingTagRow[];
}

/** Of each kind; where there are more, another look finds them. */
const most = 10_000;

/**
 * Compares what the tables keep with what they stand for, as of one moment. Reads everything: for a thread of
 * its own.
 */
export function findErrors(database: Database.Database): AuditFindings {
  const find = database.transaction(() => ({
    miscounts: accountNames.map((name) => {
      const { find: sql } = accountChecks[name];
      return [name, database.prepare<[], Miscount>(`${sql} LIMIT ${most}`).all()] as const;
    }),
    danglingTags: database
      .prepare<[], DanglingTagRow>(
        `
        SELECT upstream, repository.name, tag.name AS tag, tag.digest
        FROM tag CROSS JOIN repository ON repository.id = tag.repository
        WHERE NOT EXISTS (
          SELECT 1 FROM repository_manifest rm CROSS JOIN manifest ON manifest.digest = rm.digest
          WHERE rm.repository = tag.repository AND rm.digest = tag.digest
        )
        LIMIT ${most}`,
      )
      .all(),
  }));
  return find();
}
