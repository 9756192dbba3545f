import type { Digest } from '../oci/digest.ts';
import type { Manifest, ManifestContents, ReferrerDescriptor } from '../oci/manifest.ts';
import type { Repository, RepositoryName, Tag, UpstreamName } from '../oci/reference.ts';
import type { Audit } from './audit.ts';
import type { Evictions } from './evictions.ts';
import type { Inventory } from './inventory.ts';

/** What a tag meant when upstream was last asked. A stored tag always points to a manifest that is stored too. */
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
  /** Whether bytes that were verified have that size. Else only a manifest states it. */
  readonly measured: boolean;
  /** Whether upstream has confirmed it for the repository. Else no more is known than that a manifest of it names the blob. */
  readonly confirmed: boolean;
}

/** A part of a list in lexical order: what comes after `last` (exclusive), at most `limit`. */
export interface Page {
  readonly last?: string | undefined;
  readonly limit?: number | undefined;
}

/**
 * What Entrepot knows: manifests, tags, which repository may read what. Every write is one transaction, durable when
 * its promise resolves. All methods reject with StoreError on trouble; none throws synchronously.
 */
export interface MetadataStore {
  /** A manifest that `repository` may read. */
  manifest(repository: Repository, digest: Digest): Promise<Manifest | undefined>;
  /** A manifest that some repository holds. That says nothing of who else may read it. */
  anyManifest(digest: Digest): Promise<Manifest | undefined>;
  /** Indexes that `repository` may read and that list a manifest: the four used last, those first. */
  indexesOf(repository: Repository, child: Digest): Promise<readonly Manifest[]>;
  /**
   * Stores a manifest under a repository, with what it names: its blobs become readable in that repository.
   * Storing the same again changes nothing. With `tag`, moves that tag to it in the same transaction.
   */
  putManifest(
    repository: Repository,
    manifest: Manifest,
    contents: ManifestContents,
    tag?: { readonly name: Tag; readonly checkedAt: number },
  ): Promise<void>;

  tag(repository: Repository, tag: Tag): Promise<TagRecord | undefined>;
  /** Points a tag at a manifest that the repository holds already, or marks it checked anew. False when it holds no such manifest. */
  putTag(repository: Repository, tag: Tag, record: TagRecord): Promise<boolean>;
  /** Forgets a tag. False when there was none. */
  removeTag(repository: Repository, tag: Tag): Promise<boolean>;
  /** Milliseconds since the epoch at which {@link putAbsent} was last called for a tag that there still is not. */
  absentSince(repository: Repository, tag: Tag): Promise<number | undefined>;
  /**
   * Notes that upstream has no such tag, if it is one that would belong to a manifest that the repository holds: one named
   * after its digest. Else false, and nothing is kept. Forgotten together with that manifest, and when there is such a tag.
   */
  putAbsent(repository: Repository, tag: Tag, checkedAt: number): Promise<boolean>;
  /** Tags of a repository in lexical (byte) order. */
  tags(repository: Repository): Promise<readonly Tag[]>;
  /** Names of an upstream's repositories that hold a manifest. */
  repositories(upstream: UpstreamName, page?: Page): Promise<readonly RepositoryName[]>;

  /** The list that {@link putReferrers} last stored for that repository. */
  referrers(repository: Repository, subject: Digest): Promise<ReferrersRecord | undefined>;
  /** Keeps what upstream lists as referrers of `subject`, in place of what it listed before. Gives no right to read them. */
  putReferrers(
    repository: Repository,
    subject: Digest,
    descriptors: readonly ReferrerDescriptor[],
    checkedAt: number,
  ): Promise<void>;
  /** Manifests that `repository` may read and whose `subject` is that digest, in the order of their digests. */
  manifestsOfSubject(repository: Repository, subject: Digest): Promise<readonly Manifest[]>;

  /** Milliseconds since the epoch at which upstream last let an anonymous reader in, or undefined when it is not known to. */
  publicSince(repository: Repository): Promise<number | undefined>;
  /** Notes that anonymous readers may read the repository, confirmed at `checkedAt`; undefined forgets it. */
  putPublic(repository: Repository, checkedAt: number | undefined): Promise<void>;
  /** As {@link repositories}, but only those that are known to be public. */
  publicRepositories(upstream: UpstreamName, page?: Page): Promise<readonly RepositoryName[]>;

  /** A blob that a manifest of `repository` names or that upstream confirmed for it, whether its bytes are here or not. */
  repositoryBlob(repository: Repository, digest: Digest): Promise<RepositoryBlob | undefined>;
  /** Whether upstream has confirmed a blob for a repository that is known to be public, or for any of the upstreams in `open`. */
  isPublicBlob(digest: Digest, open: readonly UpstreamName[]): Promise<boolean>;
  /** Records that upstream confirmed a blob for a repository. `size` is that of verified bytes. */
  putRepositoryBlob(repository: Repository, digest: Digest, size: number): Promise<void>;

  /** Size of a blob whose bytes are committed in the content store, or undefined. */
  blob(digest: Digest): Promise<number | undefined>;
  /** The second half of a commit: the bytes, verified, are in the content store from now on. It is no longer condemned, if it was. */
  putBlob(digest: Digest, size: number): Promise<void>;
  /** Takes bytes that were found in the content store for a blob; false when it is condemned, and they are to go. */
  adoptBlob(digest: Digest, size: number): Promise<boolean>;
  /** The bytes are no longer there. What repositories may read is unchanged. */
  removeBlob(digest: Digest): Promise<boolean>;

  /** Notes a use of manifests and blobs, for eviction; batched in memory, written once in a while and on close. */
  touch(digests: readonly Digest[]): void;
  /** What goes when room is needed. */
  readonly evictions: Evictions;
  /** What is held. */
  readonly inventory: Inventory;
  /** What is held, checked against itself. */
  readonly audit: Audit;

  upstreamState(upstream: UpstreamName): Promise<UpstreamState | undefined>;
  /** Updates what is given, and leaves alone what is not. */
  putUpstreamState(upstream: UpstreamName, state: Partial<UpstreamState>): Promise<void>;

  /** Upstreams that {@link putGuarded} was ever called with. */
  guardedUpstreams(): Promise<readonly UpstreamName[]>;
  /** Notes, for good, that an upstream is asked with an account: what is cached of it may be private. */
  putGuarded(upstream: UpstreamName): Promise<void>;

  /** Resolves when a small write goes through; rejects otherwise. For readiness. */
  check(): Promise<void>;
  close(): Promise<void>;
}
