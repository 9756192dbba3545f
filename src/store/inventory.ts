import type { Digest } from '../oci/digest.ts';
import type { Repository, Tag } from '../oci/reference.ts';
import type { StoredBlob } from './content-store.ts';

/** Where an image stands in {@link Inventory.images}: by upstream, repository and tag; those without a tag come after, by digest. */
export interface ImageKey {
  readonly repository: Repository;
  /** Undefined for a root that no tag of the repository points to. */
  readonly tag: Tag | undefined;
  readonly digest: Digest;
}

/**
 * A root manifest of a repository, with all that belongs to it there: what an index lists, what refers to it by
 * `subject`, and what is tagged after its digest. Each tag of a manifest is an image of its own.
 */
export interface StoredImage extends ImageKey {
  readonly mediaType: string;
  /** Distinct bytes of its manifests and of the blobs they name that are held. */
  readonly bytes: number;
  /** How many of its manifests are held, itself included. */
  readonly manifests: number;
  /** Milliseconds since the epoch at which any of its manifests was last used. */
  readonly lastUsedAt: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Whether all blobs that its held manifests name are held. Children of an index need not be. */
  readonly complete: boolean;
}

/** What a repository takes. All of it in bytes of blobs that are held; manifests, which are small, are not counted. */
export interface RepositoryUsage {
  readonly repository: Repository;
  readonly tags: number;
  readonly manifests: number;
  /** Of the distinct blobs that its manifests name: the sum of the next two. */
  readonly bytes: number;
  /** Of blobs that no other repository's manifests name. */
  readonly uniqueBytes: number;
  readonly sharedBytes: number;
}

/** A pattern of images that are never evicted. */
export interface StoredPin {
  readonly pattern: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

export interface InventoryCounts {
  /** That hold a manifest. */
  readonly repositories: number;
  readonly tags: number;
  readonly manifests: number;
  readonly blobs: number;
}

/**
 * What is held, for people who look at it and for those who look after it. Everything is listed in pages: what comes
 * after a key (exclusive; undefined begins), at most `limit`. A page may hold fewer than `limit`: only an empty one
 * is the end. All methods reject with StoreError on trouble.
 */
export interface Inventory {
  images(after: ImageKey | undefined, limit: number): Promise<readonly StoredImage[]>;
  /** By upstream and name. */
  repositoryUsage(after: Repository | undefined, limit: number): Promise<readonly RepositoryUsage[]>;
  /** In order of digest. */
  blobs(after: Digest | undefined, limit: number): Promise<readonly StoredBlob[]>;
  /**
   * Blobs last verified before `before` (ms since the epoch), the longest ago first; not a page: whoever wants more
   * says with {@link putVerified} what is done.
   */
  dueForVerification(before: number, limit: number): Promise<readonly StoredBlob[]>;
  /** Notes that blobs were hashed and found intact at `at` (ms since the epoch). */
  putVerified(digests: readonly Digest[], at: number): Promise<void>;
  /** All pins, by pattern. */
  pins(): Promise<readonly StoredPin[]>;
  /** Pins a pattern; one that is pinned stays as it is. */
  addPin(pattern: string): Promise<void>;
  /** False when it was not pinned. */
  removePin(pattern: string): Promise<boolean>;
  counts(): Promise<InventoryCounts>;
  /**
   * What is wrong with the database itself, a sentence each; none when it is intact. Takes seconds for a large one,
   * off the event loop.
   */
  integrity(): Promise<readonly string[]>;
}
