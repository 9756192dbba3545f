import type { Digest } from '../../src/oci/digest.ts';
import type { BlobReader, ContentStore } from '../../src/store/content-store.ts';

/** All bytes from `position` on. */
export async function readAll(
  source: Pick<BlobReader, 'read'>,
  position = 0,
  step = 64 * 1024,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let at = position; ;) {
    const buffer = Buffer.alloc(step);
    const read = await source.read(buffer, step, at);
    if (read === 0) return Buffer.concat(parts);
    parts.push(buffer.subarray(0, read));
    at += read;
  }
}

/** The bytes of a committed blob, or undefined. */
export async function blobBytes(store: ContentStore, digest: Digest): Promise<Buffer | undefined> {
  const reader = await store.open(digest);
  if (reader === undefined) return undefined;
  try {
    return await readAll(reader);
  } finally {
    await reader.close();
  }
}
