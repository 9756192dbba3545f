import type { Digest } from '../oci/digest.ts';

/** The entity tag of content that `digest` names, as registry:2 writes it. */
export function etag(digest: Digest): string {
  return `"${digest}"`;
}

/**
 * Whether `If-None-Match` names the content: as a list, weak, or, as some clients send it, without quotes.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2
 */
export function matchesIfNoneMatch(header: string | undefined, digest: Digest): boolean {
  if (header === undefined) return false;
  return header.split(',').some((item) => {
    const tag = item.trim();
    return tag === '*' || bare(tag.startsWith('W/') ? tag.slice(2) : tag) === digest;
  });
}

/**
 * Whether a `Range` still applies: there is no `If-Range`, or it names exactly this content. Dates and weak
 * tags never do.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
 */
export function matchesIfRange(header: string | undefined, digest: Digest): boolean {
  return header === undefined || bare(header.trim()) === digest;
}

function bare(tag: string): string {
  return tag.length >= 2 && tag.startsWith('"') && tag.endsWith('"') ? tag.slice(1, -1) : tag;
}
