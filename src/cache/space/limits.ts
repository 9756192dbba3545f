import type { UpstreamName } from '../../oci/reference.ts';

/** How much of the disk: a number of bytes, or a share of the whole file system, from 0 to 100. */
export type SizeLimit = { readonly bytes: number } | { readonly percent: number };

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
 * An upstream has at most one quota of its own. Of those for repositories the first that matches decides; it counts
 * besides its upstream's.
 */
export type Quota = UpstreamQuota | RepositoryQuota;

/** The limit in bytes, on a file system of `size` bytes. */
export function bytesOf(limit: SizeLimit, size: number): number {
  return 'bytes' in limit ? limit.bytes : Math.floor((size * limit.percent) / 100);
}
