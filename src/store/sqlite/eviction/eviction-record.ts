import type { Digest } from '../../../oci/digest.ts';
import type { Repository, Tag } from '../../../oci/reference.ts';
import type { EvictedImage, Eviction } from '../../evictions.ts';

/** An eviction while it is being done. */
export class EvictionRecord implements Eviction {
  readonly images: EvictedImage[] = [];
  readonly manifests: { readonly repository: Repository; readonly digest: Digest }[] = [];
  readonly tags: { readonly repository: Repository; readonly tag: Tag }[] = [];
  readonly rights: { readonly repository: Repository; readonly digest: Digest }[] = [];
  readonly blobs: Digest[] = [];
  bytes = 0;
  done = false;
}
