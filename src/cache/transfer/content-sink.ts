import type { Digest } from '../../oci/digest.ts';
import type { Manifest } from '../../oci/manifest.ts';
import type { Repository, Tag } from '../../oci/reference.ts';
import type { StoredBlob } from '../../store/content-store.ts';

/** What of a blob has to be given. */
export interface LackingBlob extends StoredBlob {
  /** Whether the bytes are here, and only the proof is missing that they are the repository's. */
  readonly held: boolean;
  /** Bytes of a partial blob that are here already, from the front. */
  readonly offset: number;
}

/** A blob that is about to be given, from an offset to its end. */
export interface GivenBlob extends StoredBlob {
  readonly offset: number;
}

/**
 * What became of given bytes. `held`: the blob was here already. `mismatch`: they do not hash to the digest,
 * and nothing of them is kept. `gap`: fewer bytes are here than the offset; give it from there.
 */
export type BlobOutcome =
  { readonly state: 'stored' | 'held' | 'mismatch' } | { readonly state: 'gap'; readonly offset: number };

/** A tag for an image. */
interface GivenTag {
  readonly name: Tag;
  /** When its registry confirmed it, in ms since the epoch; 0: never, as far as is known. */
  readonly checkedAt: number;
  /** Whether it may move off a manifest that its registry has confirmed to this cache. */
  readonly replaces: boolean;
}

/** An image whose blobs were given. */
export interface GivenImage {
  readonly repository: Repository;
  /** Of the manifest or index that the tag points to. */
  readonly root: Digest;
  /** The root and those that belong to it. */
  readonly manifests: readonly Manifest[];
  readonly tag: GivenTag | undefined;
  /** Blobs whose bytes the giver has, and so may claim for the repository. */
  readonly proven: readonly Digest[];
  /** Whether it is to be exempt from eviction. */
  readonly pin: boolean;
}

/** What became of an image. `kept`: the tag points to another manifest, which its registry has confirmed. */
export interface ImageOutcome {
  readonly tag: 'none' | 'new' | 'same' | 'moved' | 'kept';
  /** The pattern that was pinned. */
  readonly pinned: string | undefined;
}

/**
 * A cache as a place for content from elsewhere: blobs first, then the images that consist of them. Nothing
 * is evicted for it. All methods reject with CareError, or with StoreError where the stores are this
 * process's own.
 */
export interface ContentSink {
  /**
   * Which of these blobs have to be given, in that order.
   * @param repository for which they are meant; undefined: to be told later, and the bytes alone count
   */
  lacking(repository: Repository | undefined, blobs: readonly StoredBlob[]): Promise<readonly LackingBlob[]>;
  /**
   * Stores a blob once it is verified. Where a pull fetches the same blob, waits for that. What has arrived of
   * a blob stays when `bytes` fails or ends early.
   * @param bytes from the offset, each chunk good until the next is asked for; not read when not needed
   */
  putBlob(blob: GivenBlob, bytes: AsyncIterable<Uint8Array>): Promise<BlobOutcome>;
  /** Makes an image visible, all of it at once. Rejects while a blob of its manifests is not here. */
  putImage(image: GivenImage): Promise<ImageOutcome>;
}
