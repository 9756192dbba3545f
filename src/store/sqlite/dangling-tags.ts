import type Database from 'better-sqlite3';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName, Tag, UpstreamName } from '../../oci/reference.ts';

export interface DanglingTagRow {
  readonly upstream: UpstreamName;
  readonly name: RepositoryName;
  readonly tag: Tag;
  readonly digest: Digest;
}

/** Where there are more, looking again finds them. */
const most = 10_000;

/** Tags whose repository does not hold what they point to. Reads all tags: to be run off the main thread. */
export function findDanglingTags(database: Database.Database): readonly DanglingTagRow[] {
  return database
    .prepare<[number], DanglingTagRow>(
      `
      SELECT upstream, repository.name, tag.name AS tag, tag.digest
      FROM tag CROSS JOIN repository ON repository.id = tag.repository
      WHERE NOT EXISTS (
        SELECT 1 FROM repository_manifest rm CROSS JOIN manifest ON manifest.digest = rm.digest
        WHERE rm.repository = tag.repository AND rm.digest = tag.digest
      )
      LIMIT ?`,
    )
    .all(most);
}
