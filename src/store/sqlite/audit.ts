import { setImmediate as turn } from 'node:timers/promises';
import type { Digest } from '../../oci/digest.ts';
import type { Audit, AuditErrors } from '../audit.ts';
import type { ImageKey } from '../inventory.ts';
import { accountChecks } from './account-checks.ts';
import type { AuditFindings } from './audit-findings.ts';
import { distrustBatch } from './audit-statements.ts';
import { onDatabaseThread } from './database-thread.ts';
import type { MetadataDatabase } from './metadata-database.ts';

/** Checks the tables against themselves. What reads all of them runs on another thread. */
export class SqliteAudit implements Audit {
  readonly #database: MetadataDatabase;

  constructor(database: MetadataDatabase) {
    this.#database = database;
  }

  manifests(after: Digest | undefined, limit: number): Promise<readonly Digest[]> {
    return this.#database.read(({ audit }) => audit.manifests.all(after ?? '', limit));
  }

  imagesNaming(digest: Digest, limit: number): Promise<readonly ImageKey[]> {
    return this.#database.read(({ audit }) =>
      audit.imagesNaming.all({ digest, limit }).map(({ upstream, name, tag, digest: named }) => ({
        repository: { upstream, name },
        tag: tag ?? undefined,
        digest: named,
      })),
    );
  }

  async errors(): Promise<AuditErrors> {
    const { miscounts, danglingTags } = await this.#look();
    return {
      accounts: miscounts
        .flatMap(([, rows]) => rows)
        .map(({ account, kept, counted }) => ({ account, kept, counted })),
      danglingTags: danglingTags.map(({ upstream, name, tag, digest }) => ({
        repository: { upstream, name },
        tag,
        digest,
      })),
    };
  }

  async recount(): Promise<void> {
    await this.#repair(false);
    // Only now that the numbers in rows are right are the sums over them what they ought to be.
    await this.#repair(true);
  }

  oldestVerification(): Promise<number | undefined> {
    return this.#database.read(({ audit }) => audit.oldestVerification.get() ?? undefined);
  }

  distrustVerifications(now: number): Promise<boolean> {
    return this.#database.write(({ audit }) => audit.distrust.run(now).changes === distrustBatch);
  }

  #look(): Promise<AuditFindings> {
    return this.#database.read(({ connection }) =>
      onDatabaseThread({ job: 'audit', file: connection.database.name }),
    );
  }

  async #repair(sums: boolean): Promise<void> {
    const { miscounts } = await this.#look();
    for (const [name, rows] of miscounts.filter(([each]) => accountChecks[each].isSum === sums)) {
      for (const row of rows) {
        const difference = row.counted - row.kept;
        await this.#database.write(({ audit }) => audit.repairs.get(name)?.run({ ...row, difference }));
        await turn();
      }
    }
  }
}
