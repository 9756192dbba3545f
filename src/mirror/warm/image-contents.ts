import type { Digest } from '../../oci/digest.ts';
import type { Platform } from '../../oci/platform.ts';
import type { Repository } from '../../oci/reference.ts';
import type { WarmFailure } from './schemas.ts';

/** What an image consists of, for the platforms that are wanted. It grows while its manifests are fetched. */
export class ImageContents {
  readonly repository: Repository;
  /** Of the manifest that the reference stands for. */
  readonly root: Digest;
  /** Those for which its manifests are here, and all that its indexes have. */
  readonly platforms = new Set<string>();
  readonly offered = new Map<string, Platform>();
  /** Whether an index lists an image without saying what it is for. */
  hasUnstated = false;
  /** Sizes in bytes, as manifests state them. */
  readonly blobs = new Map<Digest, number>();
  readonly manifests = new Set<Digest>();
  readonly failures: WarmFailure[] = [];
  readonly notes: string[] = [];
  /** The config of an image without an index, which has its platform. */
  config: Digest | undefined;

  constructor(repository: Repository, root: Digest) {
    this.repository = repository;
    this.root = root;
  }

  get bytes(): number {
    return this.blobs.values().reduce((sum, size) => sum + size, 0);
  }
}
