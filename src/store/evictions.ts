import type { Digest } from '../oci/digest.ts';
import type { ManifestReference, Repository, RepositoryName, Tag, UpstreamName } from '../oci/reference.ts';

/** An upstream, or one repository of it. */
export interface Scope {
  readonly upstream: UpstreamName;
  readonly name?: RepositoryName | undefined;
}

/** What must stay. Synchronous, since it is called inside a transaction. */
export interface Retention {
  /** Whether a manifest that has these tags in the repository, maybe none, is pinned. */
  isPinned(repository: Repository, tags: readonly Tag[], digest: Digest): boolean;
  /** Whether a blob is being read, filled or adopted. */
  isInUse(blob: Digest): boolean;
}

export interface EvictionRequest {
  /** Evicts images from the repositories of this scope only. */
  readonly scope?: Scope | undefined;
  /** Only what was last used before then, in milliseconds since the epoch. */
  readonly before?: number | undefined;
  /** Stops once so many bytes are freed. */
  readonly bytes?: number | undefined;
  readonly retention: Retention;
}

/** An evicted image: a root manifest with all that belongs to it alone. */
export interface EvictedImage {
  /** One of those that held it, preferably with tags. */
  readonly repository: Repository;
  /** Of the root. */
  readonly digest: Digest;
  /** The tags that this repository had for the root. */
  readonly tags: readonly Tag[];
  /** Freed bytes, without blobs that other images share. */
  readonly bytes: number;
  /** The last use of any part, in milliseconds since the epoch. */
  readonly lastUsedAt: number;
}

/** An evicted blob that no manifest names. */
export interface EvictedBlob {
  readonly repository?: undefined;
  readonly digest: Digest;
  readonly bytes: number;
  readonly lastUsedAt: number;
}

/** What was removed from the metadata. */
export interface Eviction {
  readonly images: readonly EvictedImage[];
  readonly manifests: readonly { readonly repository: Repository; readonly digest: Digest }[];
  readonly tags: readonly { readonly repository: Repository; readonly tag: Tag }[];
  /** To read a blob in a repository. */
  readonly rights: readonly { readonly repository: Repository; readonly digest: Digest }[];
  /** Now condemned: their bytes are to be removed from the content store. */
  readonly blobs: readonly Digest[];
  /** By how much {@link Evictions.usage} fell or, with a scope, {@link Evictions.usageOf} that scope. */
  readonly bytes: number;
  /** The rest is pinned, in use, or too recently used. */
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
  /** Bytes of the database without the free pages in its file. */
  readonly databaseBytes: number;
}

/**
 * Eviction of whole images, in the order of their last use, whatever the clock is set to. An image at the
 * head of the queue that was used since, is pinned or in use moves back instead.
 *
 * An image is a root manifest with its dependents in a repository: the children of an index, the manifests
 * whose `subject` it is, and those tagged after its digest (`sha256-<hex>`, with or without `.sig`, `.att` or
 * `.sbom`). Manifests and blobs that several images share are evicted with the last one.
 *
 * All methods reject with StoreError; none throws synchronously.
 */
export interface Evictions {
  /** Evicts several images in one short transaction. To be called until enough is freed, or `done`. */
  evict(request: EvictionRequest): Promise<Eviction>;
  /** What {@link evict} would evict, in order. */
  plan(request: Omit<EvictionRequest, 'bytes'>): AsyncIterable<EvictedImage | EvictedBlob>;
  /**
   * Removes from a repository on demand, pinned or not. By tag: the tag, and its image unless another tag, an
   * index or a subject there holds it. By digest: the manifest, its tags there, and what belongs to it alone.
   * Blobs in use stay. Undefined when the repository holds no such thing.
   */
  remove(
    repository: Repository,
    reference: ManifestReference,
    retention: Retention,
  ): Promise<Eviction | undefined>;

  /**
   * What {@link remove} would affect: the manifest itself, first; its owners in that repository; and what
   * would go with it. Where only a tag would go, just its manifest with that tag. Empty when the repository
   * holds no such thing.
   */
  affected(repository: Repository, reference: ManifestReference): Promise<readonly TaggedManifest[]>;

  /** Blobs whose rows are gone and whose bytes are still to be removed, at most `limit`. Survives a crash. */
  condemned(limit: number): Promise<readonly Digest[]>;
  isCondemned(digest: Digest): Promise<boolean>;
  /** The bytes are gone. */
  forgetCondemned(digest: Digest): Promise<void>;

  /**
   * A slice of housekeeping: removes confirmed rights to blobs, and referrers of manifests, that are not
   * cached and older than `before` (ms since the epoch), and empty repositories. True when there is more to
   * do.
   */
  tidy(before: number): Promise<boolean>;

  /** Costs nothing. */
  usage(): Promise<StoreUsage>;
  /** Bytes of the distinct cached blobs that manifests of a scope name. Costs nothing. */
  usageOf(scope: Scope): Promise<number>;
}
