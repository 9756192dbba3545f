import { tagGlob, type Glob } from '../../base/glob.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Tag } from '../../oci/reference.ts';

/** Which images a pattern means. */
export type ImagePattern = (
  names: readonly string[],
  tags: readonly Tag[],
  digest: Digest | undefined,
) => boolean;

/**
 * A pattern of images: a glob on `upstream/name:tag`, on `upstream/name@digest`, or on `upstream/name`, which
 * matches all of it, as `upstream/name:*` does; `*` crosses slashes. Matched against all spellings of a
 * repository (`Routing.writtenNames`).
 * @throws SyntaxError
 */
export function imagePattern(pattern: string): ImagePattern {
  const at = pattern.indexOf('@');
  if (at >= 0) {
    const named = tagGlob(pattern.slice(0, at));
    const digests = tagGlob(pattern.slice(at + 1));
    return (names, _tags, digest) =>
      digest !== undefined && digests(digest) && names.some((name) => named(name));
  }
  const whole = wholeRepository(pattern);
  if (whole !== undefined) return (names) => names.some((name) => whole(name));
  const tagged = tagGlob(pattern);
  return (names, tags) => names.some((name) => tags.some((tag) => tagged(`${name}:${tag}`)));
}

/**
 * Without a tag, or with any: untagged manifests match as well. The first part of a name may end in a port.
 */
function wholeRepository(pattern: string): Glob | undefined {
  if (!pattern.slice(pattern.lastIndexOf('/') + 1).includes(':')) return tagGlob(pattern);
  return pattern.endsWith(':*') ? tagGlob(pattern.slice(0, -2)) : undefined;
}
