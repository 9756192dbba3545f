import type { Digest } from '../../oci/digest.ts';
import type { Manifest } from '../../oci/manifest.ts';
import type { Repository, Tag } from '../../oci/reference.ts';
import type { StoredBlob } from '../../store/content-store.ts';

/** Why something of an image is not here. */
export interface PartFailure {
  readonly what: string;
  readonly reason: string;
}

/** What an image consists of at its source, for the platforms that are wanted. Grows while it is read. */
export class ImageParts {
  readonly repository: Repository;
  readonly root: Digest;
  /** What shall point to it. */
  readonly tag: Tag | undefined;
  readonly manifests = new Map<Digest, Manifest>();
  /** By the manifest that names them. */
  readonly blobsOf = new Map<Digest, readonly StoredBlob[]>();
  readonly platforms = new Set<string>();
  readonly failures: PartFailure[] = [];
  readonly notes: string[] = [];

  constructor(repository: Repository, root: Digest, tag: Tag | undefined) {
    this.repository = repository;
    this.root = root;
    this.tag = tag;
  }

  /** Each once. */
  get blobs(): readonly StoredBlob[] {
    const all = [...this.blobsOf.values()].flat().map((blob) => [blob.digest, blob] as const);
    return [...new Map(all).values()];
  }

  /** Whether nothing of what it consists of was found, or wanted. */
  get isEmptyIndex(): boolean {
    return this.manifests.size === 1 && this.blobs.length === 0;
  }

  add(manifest: Manifest, blobs: readonly StoredBlob[]): void {
    this.manifests.set(manifest.digest, manifest);
    this.blobsOf.set(manifest.digest, blobs);
  }

  /** Leaves a manifest out, which its index may list and the source does not have whole. */
  drop(digest: Digest): void {
    this.manifests.delete(digest);
    this.blobsOf.delete(digest);
  }
}
