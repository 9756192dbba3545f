import type { Digest } from '../../../src/oci/digest.ts';
import type { Repository } from '../../../src/oci/reference.ts';
import type { Eviction, EvictionRequest, Retention } from '../../../src/store/evictions.ts';
import type { MetadataStore } from '../../../src/store/metadata-store.ts';
import type { Content, Image } from '../../support/image.ts';
import { blobsOf, putImage } from './subject.ts';

/** Keeps nothing. */
export const heedless: Retention = { isPinned: () => false, isInUse: () => false };

/** Stores an image with the bytes of its blobs. */
export async function putWhole(
  store: MetadataStore,
  repository: Repository,
  stored: Image,
  tag?: string,
): Promise<void> {
  await putImage(store, repository, stored, tag);
  for (const { digest, size } of blobsOf(stored)) await store.putBlob(digest, size);
}

/** Evicts until nothing more can go, or enough is freed, and says all that went. */
export async function evictAll(
  store: MetadataStore,
  { bytes: wanted = Infinity, ...request }: Partial<EvictionRequest> = {},
): Promise<Eviction> {
  const parts: Eviction[] = [];
  let freed = 0;
  let done = false;
  while (!done && freed < wanted) {
    const part = await store.evictions.evict({ retention: heedless, ...request, bytes: wanted - freed });
    parts.push(part);
    freed += part.bytes;
    done = part.done;
  }
  return {
    images: parts.flatMap(({ images }) => images),
    manifests: parts.flatMap(({ manifests }) => manifests),
    tags: parts.flatMap(({ tags }) => tags),
    rights: parts.flatMap(({ rights }) => rights),
    blobs: parts.flatMap(({ blobs }) => blobs),
    bytes: freed,
    done,
  };
}

/** Evicts what nobody has used since `before`, and tidies up; the blobs that went. */
export async function expire(store: MetadataStore, before: number): Promise<readonly Digest[]> {
  const { blobs } = await evictAll(store, { before });
  while (await store.evictions.tidy(before));
  return blobs;
}

export function digestsOf(contents: readonly Content[]): Set<Digest> {
  return new Set(contents.map(({ digest }) => digest));
}

export function sizeOf(contents: readonly { readonly size: number }[]): number {
  return contents.reduce((sum, { size }) => sum + size, 0);
}
