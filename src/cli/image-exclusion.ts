import { imagePattern } from '../cache/space/pin-pattern.ts';
import { dockerHub } from '../oci/docker-hub.ts';
import type { ImageReference } from '../oci/image-reference.ts';

/** A pattern that is none; the message names it. */
export class ExclusionError extends Error {
  override readonly name = 'ExclusionError';
}

/**
 * Whether an image is to be left out, by the patterns of `--exclude`: `node:*-slim`, `ghcr.io/acme/*`.
 * @throws {ExclusionError}
 */
export function exclusion(patterns: readonly string[]): (reference: ImageReference) => boolean {
  const compiled = patterns.map((pattern) => {
    try {
      return imagePattern(pattern);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new ExclusionError(`--exclude ${pattern} ${error.message}`, { cause: error });
    }
  });
  return ({ registry, repository, tag, digest }) => {
    const names = [`${registry}/${repository}`];
    if (registry === dockerHub) names.push(repository, repository.replace(/^library\//u, ''));
    return compiled.some((matches) => matches(names, tag === undefined ? [] : [tag], digest));
  };
}
