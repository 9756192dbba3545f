import { parseImageReference } from '../../oci/image-reference.ts';
import { parseTag } from '../../oci/reference.ts';
import type { WrittenName } from './archive-image.ts';

/** The tag that crane gives to what it pulled by digest. */
const noTag = 'i-was-a-digest';

/** What containerd's tools call an image that had no name when they loaded it. */
const placeholder = /^(?:docker\.io\/library\/)?import(?:-\d{4}-\d\d-\d\d)?(?=[:@]|$)/u;

/**
 * Reads a name as an archive has it; undefined for one that says nothing.
 * @param tagged whether a name without a tag means its tag `latest`; if not, it has none
 */
export function writtenName(text: string, tagged = true): WrittenName | undefined {
  const [found] = placeholder.exec(text) ?? [];
  if (found !== undefined) return tagOnly(text.slice(found.length + 1));
  const read = parseImageReference(text);
  if (read === undefined) return undefined;
  const isTag =
    tagged && read.tag !== noTag && (read.digest === undefined || text.includes(`:${read.tag ?? ''}@`));
  return { reference: { ...read, digest: undefined }, tag: isTag ? read.tag : undefined };
}

/** Reads `org.opencontainers.image.ref.name`: a tag, or a full name. */
export function writtenRefName(text: string): WrittenName | undefined {
  return /[/:@]/u.test(text) ? writtenName(text) : tagOnly(text);
}

function tagOnly(text: string): WrittenName | undefined {
  const tag = parseTag(text);
  return tag && { reference: undefined, tag };
}
