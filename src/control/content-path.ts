import { parseDigest, type Digest } from '../oci/digest.ts';

/** A part of a content: from an offset, in bytes, to the end. */
interface ContentPart {
  readonly digest: Digest;
  readonly offset: number;
}

/** Where a manifest's or blob's bytes are sent from, and a blob's are sent to. */
export function contentPath(digest: Digest, offset: number): string {
  return `/v1/content/${digest}/${offset}`;
}

/** The reverse of {@link contentPath}; undefined for any other path. */
export function parseContentPath(path: string): ContentPart | undefined {
  const [, name = '', offset = ''] = /^\/v1\/content\/([a-z0-9:]+)\/(\d{1,15})$/.exec(path) ?? [];
  const digest = parseDigest(name);
  return digest && { digest, offset: Number(offset) };
}
