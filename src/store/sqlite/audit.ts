import { setImmediate as turn } from 'node:timers/promises';
import type { Digest } from '../../oci/digest.ts';
import type { AccountError, Audit, AuditErrors } from '../audit.ts';
import type { ImageKey } from '../inventory.ts';
import type { Miscounted } from './account-errors.ts';
import type { AccountRepair } from './account-repair.ts';
import type { AuditFindings } from './audit-findings.ts';
import { distrustBatch, type ImageNameRow } from './audit-statements.ts';
import type { MetadataDatabase } from './metadata-database.ts';
import { onDatabaseThread } from './database-thread.ts';

/** Checks the tables against themselves. What reads all of them runs on a thread and a connection of its own. */
export class SqliteAudit implements Audit {
  readonly #database: MetadataDatabase;

  constructor(database: MetadataDatabase) {
    this.#database = database;
  }

  manifests(after: Digest | undefined, limit: number): Promise<readonly Digest[]> {
    return this.#database.read(({ audit }) =>
      audit.manifests.all(after ?? '', limit).map(({ digest }) => digest),
    );
  }

  imagesNaming(digest: Digest, limit: number): Promise<readonly ImageKey[]> {
    return this.#database.read(({ audit }) => audit.imagesNaming.all({ digest, limit }).map(imageKey));
  }

  async errors(): Promise<AuditErrors> {
    const { miscounts, danglingTags } = await this.#look();
    const { claims, blobs, repositories, upstreams, totals } = miscounts;
    return {
      accounts: [
        ...totals.map((row) => errorOf(`all ${row.total}`, row)),
        ...upstreams.map((row) => errorOf(`bytes of ${row.upstream}`, row)),
        ...repositories.map((row) => errorOf(`bytes of ${row.upstream}/${row.name}`, row)),
        ...claims.map((row) => errorOf(`manifests of one repository that name ${row.digest}`, row)),
        ...blobs.map((row) => errorOf(`whether no manifest names ${row.digest}`, row)),
      ],
      danglingTags: danglingTags.map(({ upstream, name, tag, digest }) => ({
        repository: { upstream, name },
        tag,
        digest,
      })),
    };
  }

  async recount(): Promise<void> {
    const { claims, blobs } = (await this.#look()).miscounts;
    await this.#each(claims, (repair, row) => repair.recountClaim(row));
    await this.#each(blobs, (repair, row) => repair.recountBlob(row));
    // Only now that claims are right are the sums over them what they ought to be.
    const { repositories, upstreams, totals } = (await this.#look()).miscounts;
    await this.#each(repositories, (repair, row) => repair.correctRepository(row));
    await this.#each(upstreams, (repair, row) => repair.correctUpstream(row));
    await this.#each(totals, (repair, row) => repair.correctTotal(row));
  }

  oldestVerification(): Promise<number | undefined> {
    return this.#database.read(({ audit }) => audit.oldestVerification.get()?.verified_at ?? undefined);
  }

  distrustVerifications(now: number): Promise<boolean> {
    return this.#database.write(({ audit }) => audit.distrust.run(now).changes === distrustBatch);
  }

  #look(): Promise<AuditFindings> {
    return this.#database.read(({ connection }) =>
      onDatabaseThread({ job: 'audit', file: connection.database.name }),
    );
  }

  async #each<T>(rows: readonly T[], work: (repair: AccountRepair, row: T) => void): Promise<void> {
    for (const row of rows) {
      await this.#database.write(({ audit }) => work(audit.repair, row));
      await turn();
    }
  }
}

function imageKey({ upstream, name, tag, digest }: ImageNameRow): ImageKey {
  return { repository: { upstream, name }, tag: tag ?? undefined, digest };
}

function errorOf(account: string, { kept, counted }: Miscounted): AccountError {
  return { account, kept, counted };
}
