import type { Digest } from '../oci/digest.ts';

/** A blob, whole or in part. */
export interface StoredBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

export interface PartialBlob extends StoredBlob {
  /** When it was last written to, in ms since epoch. */
  readonly writtenAt: number;
}

export interface QuarantinedBlob extends StoredBlob {
  /** When it was taken out of use, in ms since epoch. */
  readonly quarantinedAt: number;
}

/** What the bytes of a committed blob turned out to be. A blob cut short, or one that cannot be read, is damaged. */
export type VerifyResult = 'intact' | 'damaged' | 'missing';

export interface VerifyOptions {
  /** Ends the verification, which rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** The most that is read in a second; as fast as it goes if not given. */
  readonly bytesPerSecond?: number;
  /** Told how many bytes were read since it was last told. */
  readonly onBytes?: (bytes: number) => void;
}

/** How much there is of the place where blobs are kept, and how much of it is left. */
export interface Room {
  /** Bytes in all. */
  readonly size: number;
  /** Bytes that this process may still write. */
  readonly free: number;
  /** Files that it can hold in all (inodes); 0 where nobody counts them. */
  readonly files: number;
  /** Files that can still be made; means nothing when `files` is 0. */
  readonly freeFiles: number;
}

/**
 * Where blobs live, addressed by digest. Says nothing of files: an object store can stand behind it.
 * What {@link ContentStore.open} gives was committed: its bytes hashed to its digest when they were written.
 * Rejects with {@link StoreError}.
 */
export interface ContentStore {
  /**
   * How many removals and quarantines were begun so far: as long as it stays the same, whatever {@link open} gave is there
   * to be opened still.
   */
  readonly removals: number;
  /** Size in bytes of a committed blob, or undefined when there is none. */
  size(digest: Digest): Promise<number | undefined>;
  /** A committed blob, or undefined when there is none. */
  open(digest: Digest): Promise<BlobReader | undefined>;
  /**
   * Starts, or takes up again, the writing of a blob. A partial one left by a crash or by {@link Ingest.suspend} is
   * resumed: its bytes are hashed again and `offset` says how far it got. A committed one is taken up if it is intact.
   * Waits for a removal of that digest that is under way.
   * @throws {StoreError} `INGEST_BUSY` while another ingest of that digest is open
   */
  ingest(digest: Digest): Promise<Ingest>;
  /**
   * Removes a committed blob. From the call on, neither {@link size} nor {@link open} sees it; readers that have it open
   * finish undisturbed. False when there was none, or while an ingest of that digest is open.
   */
  remove(digest: Digest): Promise<boolean>;
  /** The digests of all committed blobs, with their sizes, in no order. */
  list(): AsyncIterable<StoredBlob>;

  /**
   * Blobs that may have been committed without {@link recorded} being called: all those that a crash left so, and the ones
   * being committed right now.
   */
  unrecorded(): Promise<readonly Digest[]>;
  /** The blob is written down where it is looked up: a crash can lose sight of it no more. */
  recorded(digest: Digest): Promise<void>;

  /** The partial blobs, with the bytes that they hold. */
  listPartial(): AsyncIterable<PartialBlob>;
  /** Removes a partial blob. False when there was none, or while an ingest of that digest is open. */
  removePartial(digest: Digest): Promise<boolean>;
  /** Removes partial blobs that nobody has open and nobody has written to since `before` (ms since epoch). Says how many. */
  removePartials(before: number): Promise<number>;

  /** Hashes a committed blob, off the main thread. Several calls take turns. */
  verify(digest: Digest, options?: VerifyOptions): Promise<VerifyResult>;
  /** Takes a committed blob out of use and keeps its bytes for inspection. False where {@link remove} says so. */
  quarantine(digest: Digest): Promise<boolean>;
  /** The blobs that were taken out of use. */
  listQuarantined(): AsyncIterable<QuarantinedBlob>;
  /** Removes what was quarantined before `before` (ms since epoch). Says how many. */
  removeQuarantined(before: number): Promise<number>;

  room(): Promise<Room>;
  /** Resolves if a small blob could be written durably just now; rejects with what keeps it from that. */
  check(): Promise<void>;
  /** Puts some room by for {@link spendReserve}, unless it is there. False when there is not enough left. */
  keepReserve(): Promise<boolean>;
  /** Gives the room up that was put by, to whoever is the first to take it. False when there is none. */
  spendReserve(): Promise<boolean>;
  close(): Promise<void>;
}

/** Bytes that are lent: to be read only, and no longer than until they are given back. */
export interface Loan {
  readonly bytes: Buffer;
  /** Gives them back. To be called once. */
  release(): void;
}

/** Random access to bytes. Several reads may be under way at once. */
export interface Reading {
  /**
   * Reads up to `length` bytes from `position` into the front of `buffer`.
   * Resolves to the number of bytes read: 0 only at the end.
   */
  read(buffer: Uint8Array, length: number, position: number): Promise<number>;
  /**
   * Up to `length` bytes from `position` that several readers of the same bytes share. Undefined when they have to be read,
   * which also tells why they cannot be. Gives none after the end.
   */
  borrow(length: number, position: number): Promise<Loan | undefined>;
}

/** A committed blob. */
export interface BlobReader extends Reading {
  /** Bytes in all. */
  readonly size: number;
  /** To be called once, when no read and no borrow is under way. What was borrowed stays until it is given back. */
  close(): Promise<void>;
}

/** What has been written of a blob, for one of those who follow it. */
export interface IngestReader extends Reading {
  /** To be called once, before the ingest is closed. What was borrowed stays until it is given back. */
  close(): void;
}

/**
 * One blob being written. Written bytes can be read at once, by many, up to {@link offset}; they become a blob only
 * through {@link commit}. Reads in flight stay valid across commit, until {@link close}.
 */
export interface Ingest {
  readonly digest: Digest;
  /** Bytes written and hashed so far. */
  readonly offset: number;
  /** Appends all of `chunks` in order; resolves when {@link offset} has moved past them. One call at a time. */
  write(chunks: readonly Uint8Array[]): Promise<void>;
  /** Of the bytes up to `offset`, wherever that is when they are read. */
  reader(): IngestReader;
  /** Whether the bytes so far hash to the digest. */
  matches(): boolean;
  /**
   * Makes the bytes a blob, durably: flush, rename, flush the folder. A failure to rename keeps them for another try.
   * @throws {StoreError} `DIGEST_MISMATCH` when they do not hash to the digest; the partial blob is then gone
   */
  commit(): Promise<void>;
  /** Throws the bytes away. Reading stays possible until {@link close}. */
  discard(): Promise<void>;
  /** Throws the bytes away and starts again at offset 0. */
  restart(): Promise<void>;
  /** Lets go of the writing side and keeps the partial bytes for a later {@link ContentStore.ingest}. */
  suspend(): Promise<void>;
  /** Frees the handle for good; to be called once, after the last read. Suspends if nothing ended the ingest before. */
  close(): Promise<void>;
}
