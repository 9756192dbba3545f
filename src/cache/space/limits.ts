import type { UpstreamName } from '../../oci/reference.ts';
import type { Room } from '../../store/content-store.ts';

/** How much of the disk: a number of bytes, or a share of the whole file system, from 0 to 100. */
export type SizeLimit = { readonly bytes: number } | { readonly percent: number };

/** Limits on the cache as a whole. */
export interface SpaceLimits {
  /** What everything that is cached may take; undefined for whatever {@link minfree} leaves. */
  readonly maxsize: SizeLimit | undefined;
  /** What stays free on the disk. */
  readonly minfree: SizeLimit;
}

/** What the images of one upstream may take together. */
interface UpstreamQuota {
  readonly upstream: UpstreamName;
  readonly bytes: number;
}

/** What the images of each single repository may take that a pattern matches. */
interface RepositoryQuota {
  /** A glob on `upstream/name`, as `repositoryGlob` takes it. */
  readonly match: string;
  readonly bytes: number;
}

/**
 * An upstream has at most one quota of its own. Of those for repositories the first that matches decides; it
 * counts besides its upstream's.
 */
export type Quota = UpstreamQuota | RepositoryQuota;

/** What the operator asks of the cache's size. */
export interface SpaceSettings extends SpaceLimits {
  readonly quotas: readonly Quota[];
  /** Patterns of images that are never evicted. */
  readonly pins: readonly string[];
  /** Milliseconds since its last use after which content is evicted; 0: never. */
  readonly ttlMs: number;
}

/** Bytes of blobs that are arriving. */
export interface ArrivingBytes {
  /** What they will have when they are complete. */
  readonly total: number;
  /** Of these, what is still to be written to the disk. */
  readonly unwritten: number;
}

/** A limit on the cache as a whole, and what is left until it is reached. */
export interface Headroom {
  readonly limit: 'maxsize' | 'minfree' | 'files';
  /** The limit on this disk: bytes, or free files for `files`. */
  readonly value: number;
  /** In the same unit; negative beyond the limit. */
  readonly left: number;
}

/** Of the files that the disk can hold, this share stays free. */
const freeFilesShare = 0.01;

/** The limit in bytes, on a file system of `size` bytes. */
export function bytesOf(limit: SizeLimit, size: number): number {
  return 'bytes' in limit ? limit.bytes : Math.floor((size * limit.percent) / 100);
}

/**
 * Compares the cache with its limits, in the order in which they count.
 * @param used what is cached, in bytes, without what is arriving
 * @param room undefined before the disk was measured: then only a `maxsize` in bytes counts
 */
export function judge(
  used: number,
  room: Room | undefined,
  arriving: ArrivingBytes,
  { maxsize, minfree }: SpaceLimits,
): readonly Headroom[] {
  const judged: Headroom[] = [];
  if (maxsize !== undefined && ('bytes' in maxsize || room !== undefined)) {
    const value = bytesOf(maxsize, room?.size ?? 0);
    judged.push({ limit: 'maxsize', value, left: value - used - arriving.total });
  }
  if (room === undefined) return judged;
  const leastFree = bytesOf(minfree, room.size);
  judged.push({ limit: 'minfree', value: leastFree, left: room.free - arriving.unwritten - leastFree });
  const leastFiles = Math.ceil(room.files * freeFilesShare);
  judged.push({ limit: 'files', value: leastFiles, left: room.freeFiles - leastFiles });
  return judged;
}
