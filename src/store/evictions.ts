import type { Digest } from '../oci/digest.ts';
import type { ManifestReference, Repository, RepositoryName, Tag, UpstreamName } from '../oci/reference.ts';

/** An upstream, or one repository of it. */
export interface Scope {
  readonly upstream: UpstreamName;
  readonly name?: RepositoryName | undefined;
}

/** Knows what must stay. Asked inside a transaction, so it answers at once. */
export interface Retention {
  /** Whether a manifest is exempt from eviction, held there under these tags (none for one known by its digest only). */
  isPinned(repository: Repository, tags: readonly Tag[], digest: Digest): boolean;
  /** Whether a blob is being read, filled or adopted. */
  isInUse(blob: Digest): boolean;
}

export interface EvictionRequest {
  /** Images go from the repositories of this scope only; without one, from everywhere. */
  readonly scope?: Scope | undefined;
  /** Only what was last used before then, in milliseconds since the epoch. */
  readonly before?: number | undefined;
  /** Stops once so many bytes are freed. */
  readonly bytes?: number | undefined;
  readonly retention: Retention;
}

/** An image that goes: a root manifest with all that belongs to it alone. */
export interface EvictedImage {
  /** Where it was held; one of several, rather one that has tags for it. */
  readonly repository: Repository;
  /** Of the root. */
  readonly digest: Digest;
  /** The tags that this repository had for the root. */
  readonly tags: readonly Tag[];
  /** What it frees: blobs that were shared with images still held do not count. */
  readonly bytes: number;
  /** The last use of any part of it, in milliseconds since the epoch. */
  readonly lastUsedAt: number;
}

/** A blob that goes by itself: no held manifest names it. */
export interface EvictedBlob {
  readonly repository?: undefined;
  readonly digest: Digest;
  readonly bytes: number;
  readonly lastUsedAt: number;
}

/** What has gone from the metadata. */
export interface Eviction {
  readonly images: readonly EvictedImage[];
  /** Manifests that a repository may no longer read. */
  readonly manifests: readonly { readonly repository: Repository; readonly digest: Digest }[];
  readonly tags: readonly { readonly repository: Repository; readonly tag: Tag }[];
  /** Blobs that a repository may no longer read. */
  readonly rights: readonly { readonly repository: Repository; readonly digest: Digest }[];
  /** Blobs that are condemned now: their bytes are to be removed from the content store. */
  readonly blobs: readonly Digest[];
  /** By how much {@link Evictions.usage} fell or, with a scope, {@link Evictions.usageOf} that scope. */
  readonly bytes: number;
  /** Nothing more can go: what is left is pinned, in use, or was used too lately. */
  readonly done: boolean;
}

/** A manifest with the tags that one repository has for it. */
export interface TaggedManifest {
  readonly digest: Digest;
  readonly tags: readonly Tag[];
}

export interface StoreUsage {
  readonly blobs: number;
  /** Of all blobs together. */
  readonly bytes: number;
  readonly manifests: number;
  /** Bytes of the database that hold something; free pages in its file do not count. */
  readonly databaseBytes: number;
}

/**
 * What goes when room is needed, and when. Images wait in a queue in the order of their last use, apart from the clock;
 * whoever stands at its head and was used since, is pinned or in use moves back instead of going.
 *
 * An image is a root manifest with what belongs to it: the children an index lists, the manifests whose `subject` it is,
 * and what is tagged after its digest (`sha256-<hex>`, with or without `.sig`, `.att` or `.sbom`), as far as one repository
 * holds both. A manifest or a blob that several images share goes only with the last one.
 *
 * All methods reject with StoreError on trouble; none throws synchronously.
 */
export interface Evictions {
  /**
   * Evicts from the head of the queue: one short transaction of several images. To be called again until enough is
   * freed or `done`.
   */
  evict(request: EvictionRequest): Promise<Eviction>;
  /** What {@link evict} would take, in order, without changing anything. */
  plan(request: Omit<EvictionRequest, 'bytes'>): AsyncIterable<EvictedImage | EvictedBlob>;
  /**
   * Removes on demand, wherever it stands in the queue, pinned or not. By tag: the tag, and its image unless something
   * else in that repository (another tag, an index, a subject) holds it. By digest: the manifest, its tags in that
   * repository, and what belongs to it alone. Blobs in use stay, as ones that no manifest names.
   * Undefined when the repository holds no such thing.
   */
  remove(
    repository: Repository,
    reference: ManifestReference,
    retention: Retention,
  ): Promise<Eviction | undefined>;

  /**
   * All that {@link remove} would take something from: the manifest that is meant, first; what it belongs to in that
   * repository; and what would go with it. A tag that is not the last to hold its manifest is itself all that would go: then
   * there is that manifest only, with no other tag. Empty when the repository holds no such thing.
   */
  affected(repository: Repository, reference: ManifestReference): Promise<readonly TaggedManifest[]>;

  /** Blobs whose rows are gone and whose bytes are still to be removed, at most `limit`. Outlives a crash. */
  condemned(limit: number): Promise<readonly Digest[]>;
  isCondemned(digest: Digest): Promise<boolean>;
  /** The bytes are gone. */
  forgetCondemned(digest: Digest): Promise<void>;

  /**
   * A slice of housekeeping: forgets rights that upstream confirmed, for bytes that are not held, and lists of referrers
   * of what is not held, when they are from before `before` (ms since the epoch), and repositories left with nothing.
   * True when there is more to do.
   */
  tidy(before: number): Promise<boolean>;

  /** What is held, at no cost. */
  usage(): Promise<StoreUsage>;
  /** Bytes of the distinct held blobs that the manifests of a scope name, at no cost. */
  usageOf(scope: Scope): Promise<number>;
}
