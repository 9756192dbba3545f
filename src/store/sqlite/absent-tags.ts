import type Database from 'better-sqlite3';
import { companionSubject } from '../../oci/companion-tag.ts';
import type { Repository, Tag } from '../../oci/reference.ts';
import { thisRepository, type InRepository } from './statements.ts';

/**
 * Tags that upstreams lack and that are named after a cached manifest: four for each at most, so that
 * requests for what does not exist cannot fill the table.
 */
export class AbsentTags {
  readonly #sql;

  constructor(database: Database.Database) {
    this.#sql = {
      select: database
        .prepare<[InRepository & { tag: Tag }], number>(
          `SELECT checked_at FROM absent_tag WHERE repository = (${thisRepository}) AND name = @tag`,
        )
        .pluck(),
      upsert: database.prepare<[InRepository & { tag: Tag; stem: string; checkedAt: number }]>(`
        INSERT INTO absent_tag (repository, name, subject, checked_at)
        SELECT repository, @tag, digest, @checkedAt FROM repository_manifest
        WHERE repository = (${thisRepository}) AND digest >= @stem AND digest < @stem || 'g' ORDER BY digest LIMIT 1
        ON CONFLICT DO UPDATE SET subject = excluded.subject, checked_at = excluded.checked_at`),
    };
  }

  since(repository: Repository, tag: Tag): number | undefined {
    return this.#sql.select.get({ ...repository, tag });
  }

  /** False for a tag that is named after no manifest of the repository. To be run inside a transaction. */
  put(repository: Repository, tag: Tag, checkedAt: number): boolean {
    const stem = companionSubject(tag);
    return stem !== undefined && this.#sql.upsert.run({ ...repository, tag, stem, checkedAt }).changes > 0;
  }
}
