import type { Digest } from '../oci/digest.ts';
import type { Repository, Tag } from '../oci/reference.ts';
import type { StoredBlob } from './content-store.ts';

/** The order of {@link Inventory.images}: by upstream, repository and tag; untagged ones last, by digest. */
export interface ImageKey {
  readonly repository: Repository;
  /** Undefined for an untagged root. */
  readonly tag: Tag | undefined;
  readonly digest: Digest;
}

/** An image as in `Evictions`. Each tag of a manifest is an image of its own. */
export interface StoredImage extends ImageKey {
  readonly mediaType: string;
  /** Of its manifests and their distinct cached blobs. */
  readonly bytes: number;
  /** Cached ones, the root included. */
  readonly manifests: number;
  /** Last use of any of its manifests, in milliseconds since the epoch. */
  readonly lastUsedAt: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Whether all blobs of its cached manifests are cached. Children of an index need not be. */
  readonly complete: boolean;
}

/** What a repository takes, in bytes of cached blobs. */
export interface RepositoryUsage {
  readonly repository: Repository;
  readonly tags: number;
  readonly manifests: number;
  /** Of the distinct blobs of its manifests: the sum of the next two. */
  readonly bytes: number;
  /** Of blobs that no other repository names. */
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
  /** With a manifest. */
  readonly repositories: number;
  readonly tags: number;
  readonly manifests: number;
  readonly blobs: number;
}

/**
 * What is cached. Lists come in pages: what follows a key (exclusive; undefined begins), at most `limit`.
 * Only an empty page is the end. All methods reject with StoreError.
 */
export interface Inventory {
  images(after: ImageKey | undefined, limit: number): Promise<readonly StoredImage[]>;
  /** By upstream and name. */
  repositoryUsage(after: Repository | undefined, limit: number): Promise<readonly RepositoryUsage[]>;
  /** In order of digest. */
  blobs(after: Digest | undefined, limit: number): Promise<readonly StoredBlob[]>;
  /**
   * Blobs last verified before `before` (ms since the epoch), the oldest first. {@link putVerified} leads to
   * more.
   */
  dueForVerification(before: number, limit: number): Promise<readonly StoredBlob[]>;
  /** Blobs were found intact at `at` (ms since the epoch). */
  putVerified(digests: readonly Digest[], at: number): Promise<void>;
  /** All pins, by pattern. */
  pins(): Promise<readonly StoredPin[]>;
  /** Idempotent. */
  addPin(pattern: string): Promise<void>;
  /** False when it was not pinned. */
  removePin(pattern: string): Promise<boolean>;
  counts(): Promise<InventoryCounts>;
  /** What is wrong with the database file, a sentence each. May take seconds, on another thread. */
  integrity(): Promise<readonly string[]>;
}
