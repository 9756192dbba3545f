export interface VerifyOptions {
  /** Puts right what can be. Without it nothing is changed. */
  readonly repair: boolean;
}

/** `progress` comes at most a few times a second; `report` is the last. */
export type VerifyEvent =
  | { readonly type: 'progress'; readonly progress: VerifyProgress }
  | { readonly type: 'finding'; readonly finding: Finding }
  | { readonly type: 'report'; readonly report: VerifyReport };

interface VerifyProgress {
  /** Blobs looked at, and bytes hashed of them. */
  readonly blobs: number;
  readonly bytes: number;
  /** Of how many. */
  readonly totalBlobs: number;
  readonly totalBytes: number;
}

/**
 * - `damaged`: a blob's bytes are not what its digest says, or fewer.
 * - `missing`: the database knows a blob whose file is gone.
 * - `manifest`: a manifest's bytes are not what its digest says.
 * - `tag`: a tag points to no held manifest.
 * - `database`: the database itself is broken.
 * - `size`: the database states another size than an intact blob has.
 * - `orphan`: an intact file that the database does not know.
 * - `orphan-damaged`: a file that the database does not know, and that is not what its name says.
 * - `accounts`: totals in the database are not the sums that they stand for.
 * - `condemned`: a blob was evicted, but its bytes are still there.
 * - `partial`: a download was cut off; the next request for it takes it up.
 */
export type FindingKind =
  | 'damaged'
  | 'missing'
  | 'manifest'
  | 'tag'
  | 'database'
  | 'size'
  | 'orphan'
  | 'orphan-damaged'
  | 'accounts'
  | 'condemned'
  | 'partial';

export interface Finding {
  readonly kind: FindingKind;
  /** Whether something that the cache ought to hold is lost. */
  readonly loss: boolean;
  /** Whether `repair` has put it right: what is damaged is out of use, and is fetched anew on the next request. */
  readonly repaired: boolean;
  /** The blob or manifest. */
  readonly digest: string | null;
  /** Canonical names of images that name it; at most a few. */
  readonly images: readonly string[];
  /** One line for people. */
  readonly detail: string;
}

export interface VerifyReport {
  /** Blobs that were hashed, and their bytes. */
  readonly blobs: number;
  readonly bytes: number;
  readonly manifests: number;
  readonly tags: number;
  /** How many findings there were of each kind; kinds without any are left out. */
  readonly findings: Readonly<Partial<Record<FindingKind, number>>>;
  /** Whether content is damaged or missing, or the database is broken: also when that was repaired. */
  readonly loss: boolean;
  readonly repaired: number;
}
