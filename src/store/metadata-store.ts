import type { Digest } from '../oci/digest.ts';
import type { Manifest, ManifestContents, ReferrerDescriptor } from '../oci/manifest.ts';
import type { Repository, RepositoryName, Tag, UpstreamName } from '../oci/reference.ts';
import type { Audit } from './audit.ts';
import type { StoredBlob } from './content-store.ts';
import type { Evictions } from './evictions.ts';
import type { Inventory } from './inventory.ts';

/** What a tag pointed to when upstream was last asked. That manifest is stored, too. */
export interface TagRecord {
  readonly digest: Digest;
  /** Milliseconds since the epoch at which upstream last confirmed it. */
  readonly checkedAt: number;
}

/** Facts about an upstream that outlive a restart. */
export interface UpstreamState {
  /** Consecutive failures. */
  readonly failures: number;
  /** Milliseconds since the epoch before which upstream is not asked, or 0. */
  readonly retryAt: number;
  /** Last `ratelimit-limit` seen, in pulls per window, if any. */
  readonly limit?: number | undefined;
  /** Last `ratelimit-remaining` seen. */
  readonly remaining?: number | undefined;
  /** The window's length in seconds. */
  readonly window?: number | undefined;
}

/** The referrers of a manifest as upstream last listed them. */
export interface ReferrersRecord {
  readonly descriptors: readonly ReferrerDescriptor[];
  /** Milliseconds since the epoch. */
  readonly checkedAt: number;
}

/** A blob that a repository holds, as far as is known. */
export interface RepositoryBlob {
  /** In bytes. */
  readonly size: number;
  /** Whether verified bytes have that size; else only a manifest states it. */
  readonly measured: boolean;
  /** Whether upstream has confirmed it for the repository; else only a manifest there names it. */
  readonly confirmed: boolean;
}

/** A tag that is to point to a manifest. */
export interface TagToPut extends TagRecord {
  readonly name: Tag;
  /** Whether it moves off a manifest that upstream has confirmed for it. */
  readonly replaces: boolean;
}

/** An image with everything that it consists of. */
export interface WholeImage {
  readonly manifests: readonly { readonly manifest: Manifest; readonly contents: ManifestContents }[];
  /** For one of them. */
  readonly tag: TagToPut | undefined;
  /** Blobs that are known to be the repository's by more than these manifests, with their true sizes. */
  readonly confirmed: readonly StoredBlob[];
  /** A pattern to pin. */
  readonly pin: string | undefined;
}

/** What became of a {@link WholeImage}. */
export interface PutOutcome {
  /** Blobs of its manifests that are not cached: then nothing was stored. */
  readonly missing: readonly Digest[];
  /** What its tag was before. */
  readonly tagBefore: TagRecord | undefined;
  /** What it is now. */
  readonly tagNow: TagRecord | undefined;
}

/** A part of a list in lexical order: what comes after `last` (exclusive), at most `limit`. */
export interface Page {
  readonly last?: string | undefined;
  readonly limit?: number | undefined;
}

/**
 * Manifests, tags, and which repository may read what. A write is one transaction, durable when its promise
 * resolves. All methods reject with StoreError; none throws synchronously.
 */
export interface MetadataStore {
  /** A manifest that `repository` may read. */
  manifest(repository: Repository, digest: Digest): Promise<Manifest | undefined>;
  /** A manifest that any repository holds, whoever may read it. */
  anyManifest(digest: Digest): Promise<Manifest | undefined>;
  /** Indexes of `repository` that list a manifest: the four used most recently, in that order. */
  indexesOf(repository: Repository, child: Digest): Promise<readonly Manifest[]>;
  /**
   * Stores a manifest in a repository, where the blobs that it names become readable. Idempotent. With `tag`,
   * moves that tag to it in the same transaction.
   */
  putManifest(
    repository: Repository,
    manifest: Manifest,
    contents: ManifestContents,
    tag?: { readonly name: Tag; readonly checkedAt: number },
  ): Promise<void>;

  /** Stores an image, all of it or nothing: every blob that its manifests name has to be cached. */
  putImage(repository: Repository, image: WholeImage): Promise<PutOutcome>;

  tag(repository: Repository, tag: Tag): Promise<TagRecord | undefined>;
  /** Points a tag at a manifest of the repository. False when it holds no such manifest. */
  putTag(repository: Repository, tag: Tag, record: TagRecord): Promise<boolean>;
  /** Forgets a tag. False when there was none. */
  removeTag(repository: Repository, tag: Tag): Promise<boolean>;
  /** When {@link putAbsent} last noted the tag (ms since the epoch), unless it exists by now. */
  absentSince(repository: Repository, tag: Tag): Promise<number | undefined>;
  /**
   * Notes that upstream lacks a tag that is named after the digest of a manifest of the repository; false for
   * any other tag, which is not kept. Forgotten with that manifest, and when the tag appears.
   */
  putAbsent(repository: Repository, tag: Tag, checkedAt: number): Promise<boolean>;
  /** Tags of a repository in lexical (byte) order. */
  tags(repository: Repository): Promise<readonly Tag[]>;
  /** Names of an upstream's repositories that hold a manifest. */
  repositories(upstream: UpstreamName, page?: Page): Promise<readonly RepositoryName[]>;

  /** As {@link putReferrers} last stored them. */
  referrers(repository: Repository, subject: Digest): Promise<ReferrersRecord | undefined>;
  /** Stores the referrers of `subject` as upstream lists them. Gives no right to read them. */
  putReferrers(
    repository: Repository,
    subject: Digest,
    descriptors: readonly ReferrerDescriptor[],
    checkedAt: number,
  ): Promise<void>;
  /** Manifests of `repository` whose `subject` is that digest, by digest. */
  manifestsOfSubject(repository: Repository, subject: Digest): Promise<readonly Manifest[]>;

  /** When upstream last let an anonymous reader in (ms since the epoch), if it is known to. */
  publicSince(repository: Repository): Promise<number | undefined>;
  /** Notes that the repository was public at `checkedAt`; undefined forgets it. */
  putPublic(repository: Repository, checkedAt: number | undefined): Promise<void>;
  /** As {@link repositories}, but only those that are known to be public. */
  publicRepositories(upstream: UpstreamName, page?: Page): Promise<readonly RepositoryName[]>;

  /**
   * A blob that a manifest of `repository` names or upstream confirmed for it, whether its bytes are cached
   * or not.
   */
  repositoryBlob(repository: Repository, digest: Digest): Promise<RepositoryBlob | undefined>;
  /**
   * Whether upstream confirmed a blob for a public repository, or for any repository of the upstreams in
   * `open`.
   */
  isPublicBlob(digest: Digest, open: readonly UpstreamName[]): Promise<boolean>;
  /** Upstream confirmed a blob for a repository. `size` is that of verified bytes. */
  putRepositoryBlob(repository: Repository, digest: Digest, size: number): Promise<void>;

  /** Size of a blob whose bytes are committed in the content store, or undefined. */
  blob(digest: Digest): Promise<number | undefined>;
  /** The verified bytes are in the content store. The blob is no longer condemned. */
  putBlob(digest: Digest, size: number): Promise<void>;
  /** Records a blob found in the content store; false when it is condemned: its bytes are to be removed. */
  adoptBlob(digest: Digest, size: number): Promise<boolean>;
  /** The bytes are gone. Rights to read the blob stay. */
  removeBlob(digest: Digest): Promise<boolean>;

  /** Notes a use, for eviction. Batched in memory, written periodically and on close. */
  touch(digests: readonly Digest[]): void;
  readonly evictions: Evictions;
  readonly inventory: Inventory;
  readonly audit: Audit;

  upstreamState(upstream: UpstreamName): Promise<UpstreamState | undefined>;
  /** Updates what is given, and leaves alone what is not. */
  putUpstreamState(upstream: UpstreamName, state: Partial<UpstreamState>): Promise<void>;

  guardedUpstreams(): Promise<readonly UpstreamName[]>;
  /** Notes, for good, that an upstream is asked with an account: its cached content may be private. */
  putGuarded(upstream: UpstreamName): Promise<void>;

  /** Rejects unless a small write succeeds. For readiness. */
  check(): Promise<void>;
  close(): Promise<void>;
}
