import type { Digest } from '../oci/digest.ts';
import type { Repository, Tag } from '../oci/reference.ts';
import type { ImageKey } from './inventory.ts';

/** Something that the database keeps although it follows from the rest, and that does not. */
export interface AccountError {
  /** What it counts, for people. */
  readonly account: string;
  readonly kept: number;
  /** What it ought to be. */
  readonly counted: number;
}

export interface DanglingTag {
  readonly repository: Repository;
  readonly tag: Tag;
  readonly digest: Digest;
}

export interface AuditErrors {
  readonly accounts: readonly AccountError[];
  /** Tags that point to no manifest which their repository holds. */
  readonly danglingTags: readonly DanglingTag[];
}

/**
 * For those who check what is held against itself. Pages are as in `Inventory`. All methods reject with StoreError on
 * trouble; none holds up the event loop.
 */
export interface Audit {
  /** Digests of all manifests, in their order. */
  manifests(after: Digest | undefined, limit: number): Promise<readonly Digest[]>;
  /**
   * By what people know a blob or manifest: tags of the manifests that name it, directly or by way of an index, then
   * those of these manifests that have none. At most `limit`, and not all when very many name it.
   */
  imagesNaming(digest: Digest, limit: number): Promise<readonly ImageKey[]>;
  /**
   * Looks at everything, as of one moment: takes seconds for a large store, while others go on reading and writing. Not all
   * is told when there is very much.
   */
  errors(): Promise<AuditErrors>;
  /** Counts accounts anew, and puts them right. */
  recount(): Promise<void>;
  /** When the blob was last hashed that waits longest (ms since the epoch); undefined when one never was, or none is held. */
  oldestVerification(): Promise<number | undefined>;
  /**
   * Takes verifications for not done that are said to be later than `now`: the clock was wrong then, or is now. A slice
   * of them; true when there are more.
   */
  distrustVerifications(now: number): Promise<boolean>;
}
