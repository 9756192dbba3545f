import { digestAlgorithm, digestHex, parseDigest, type Digest } from '../oci/digest.ts';

/** Where an image layout has a blob: `blobs/sha256/…`. */
export function blobPath(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}

/** The reverse of {@link blobPath}; undefined for any other name. */
export function parseBlobPath(name: string): Digest | undefined {
  const [, algorithm = '', hex = ''] = /^blobs\/([a-z0-9]+)\/([a-f0-9]+)$/u.exec(name) ?? [];
  return parseDigest(`${algorithm}:${hex}`);
}
