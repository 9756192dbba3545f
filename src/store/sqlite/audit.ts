import { setImmediate as turn } from 'node:timers/promises';
import type { Digest } from '../../oci/digest.ts';
import type { AccountError, Audit, AuditErrors } from '../audit.ts';
import type { ImageKey } from '../inventory.ts';
import type { Miscounted, Miscounts } from './account-errors.ts';
import type { AccountRepair } from './account-repair.ts';
import { distrustBatch, type AuditStatements, type ImageNameRow } from './audit-statements.ts';
import type { DanglingTagRow } from './dangling-tags.ts';
import { onDatabaseThread } from './recovery/database-thread.ts';

/** What the other thread finds. */
export interface AuditFindings {
  readonly miscounts: Miscounts;
  readonly danglingTags: readonly DanglingTagRow[];
}

/** Does work with the statements of the database that is open now; rejects with StoreError. */
export type AskAudit = <T>(work: (statements: AuditStatements) => T) => Promise<T>;

/** Checks the tables against themselves. What reads all of them runs on a thread and a connection of its own. */
export class SqliteAudit implements Audit {
  readonly #ask: AskAudit;
  readonly #file: string;

  /** @param file the path of the database */
  constructor(ask: AskAudit, file: string) {
    this.#ask = ask;
    this.#file = file;
  }

  manifests(after: Digest | undefined, limit: number): Promise<readonly Digest[]> {
    return this.#ask(({ manifests }) => manifests.all(after ?? '', limit).map(({ digest }) => digest));
  }

  imagesNaming(digest: Digest, limit: number): Promise<readonly ImageKey[]> {
    return this.#ask(({ imagesNaming }) => imagesNaming.all({ digest, limit }).map(imageKey));
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
    return this.#ask(({ oldestVerification }) => oldestVerification.get()?.verified_at ?? undefined);
  }

  distrustVerifications(now: number): Promise<boolean> {
    return this.#ask(({ distrust }) => distrust.run(now).changes === distrustBatch);
  }

  #look(): Promise<AuditFindings> {
    return onDatabaseThread({ job: 'audit', file: this.#file });
  }

  async #each<T>(rows: readonly T[], work: (repair: AccountRepair, row: T) => void): Promise<void> {
    for (const row of rows) {
      await this.#ask(({ repair }) => work(repair, row));
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
