import { digestAlgorithm, digestHex, type Digest } from './digest.ts';
import type { Tag } from './reference.ts';

/** Suffixes of tags named after a manifest's digest: the referrers tag schema's, and cosign's. */
export const companionSuffixes: readonly string[] = ['', '.sig', '.att', '.sbom'];

/** Length of `sha256-` and 64 digits: of a longer digest, such tags name the beginning. */
export const companionStemLength = 71;

const companion = /^(sha256|sha384|sha512)-([0-9a-f]{64})(\.[a-z]+)?$/;

/** What tags that belong to a manifest begin with. */
export function companionStem(subject: Digest): string {
  return `${digestAlgorithm(subject)}-${digestHex(subject)}`.slice(0, companionStemLength);
}

/**
 * The beginning of the digest that a tag is named after (all of it for SHA-256); undefined for any other tag.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
export function companionSubject(tag: Tag): string | undefined {
  const [, algorithm, hex, suffix = ''] = companion.exec(tag) ?? [];
  if (algorithm === undefined || hex === undefined || !companionSuffixes.includes(suffix)) return undefined;
  return `${algorithm}:${hex}`;
}
