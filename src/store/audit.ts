import type { Digest } from '../oci/digest.ts';
import type { Repository, Tag } from '../oci/reference.ts';
import type { ImageKey } from './inventory.ts';

/** A number that the database keeps and that is wrong. */
export interface AccountError {
  /** What it counts, for display. */
  readonly account: string;
  readonly kept: number;
  readonly counted: number;
}

export interface DanglingTag {
  readonly repository: Repository;
  readonly tag: Tag;
  readonly digest: Digest;
}

export interface AuditErrors {
  readonly accounts: readonly AccountError[];
  /** Tags that point to no manifest of their repository. */
  readonly danglingTags: readonly DanglingTag[];
}

/**
 * Checks the metadata against itself. Pages are as in `Inventory`. Rejects with StoreError, never blocks for
 * long.
 */
export interface Audit {
  /** Digests of all manifests, in order. */
  manifests(after: Digest | undefined, limit: number): Promise<readonly Digest[]>;
  /**
   * The names of a blob or manifest: tags of the manifests that name it, directly or by an index, then the
   * untagged ones. At most `limit`; incomplete when very many name it.
   */
  imagesNaming(digest: Digest, limit: number): Promise<readonly ImageKey[]>;
  /**
   * Checks a snapshot of everything, which takes seconds for a large store. Incomplete when there are very
   * many.
   */
  errors(): Promise<AuditErrors>;
  /** Corrects all accounts. */
  recount(): Promise<void>;
  /**
   * The oldest verification (ms since the epoch); undefined with no blobs, or when one was never verified.
   */
  oldestVerification(): Promise<number | undefined>;
  /** Forgets a slice of the verifications later than `now`: the clock was wrong. True when there are more. */
  distrustVerifications(now: number): Promise<boolean>;
}
