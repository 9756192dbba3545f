import type Database from 'better-sqlite3';
import type { Digest } from '../../oci/digest.ts';
import type { ReferrerDescriptor } from '../../oci/manifest.ts';
import type { Repository } from '../../oci/reference.ts';
import type { ReferrersRecord } from '../metadata-store.ts';
import { thisRepository, type InRepository } from './statements.ts';

/** The table of what upstreams list as referrers. */
export class ReferrerLists {
  readonly #sql;

  constructor(database: Database.Database) {
    this.#sql = {
      select: database.prepare<
        [InRepository & { subject: Digest }],
        { descriptors: string; checkedAt: number }
      >(`
        SELECT descriptors, checked_at AS checkedAt FROM referrers
        WHERE repository = (${thisRepository}) AND subject = @subject`),
      upsert: database.prepare<[repository: number, subject: Digest, checkedAt: number, descriptors: string]>(
        `INSERT OR REPLACE INTO referrers (repository, subject, checked_at, descriptors) VALUES (?, ?, ?, ?)`,
      ),
    };
  }

  get(repository: Repository, subject: Digest): ReferrersRecord | undefined {
    const row = this.#sql.select.get({ ...repository, subject });
    if (row === undefined) return undefined;
    // Nothing but put() writes the column.
    const descriptors = JSON.parse(row.descriptors) as readonly ReferrerDescriptor[];
    return { descriptors, checkedAt: row.checkedAt };
  }

  /** @param repository the id of its row */
  put(repository: number, subject: Digest, { descriptors, checkedAt }: ReferrersRecord): void {
    this.#sql.upsert.run(repository, subject, checkedAt, JSON.stringify(descriptors));
  }
}
