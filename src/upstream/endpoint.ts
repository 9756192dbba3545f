import { parseDigest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/reference.ts';

/** Whether the content of an endpoint is named by its digest, so that no sender can change it. */
export function isByDigest({ pathname }: URL): boolean {
  const name = /\/(?:manifests|blobs)\/([^/]+)$/.exec(pathname)?.[1];
  return name !== undefined && parseDigest(name) !== undefined;
}

/**
 * Where the registry at `registry`, perhaps below a path, answers for a repository. Parsed names, tags and
 * digests need no escaping in a path.
 */
export function endpoint(
  registry: URL,
  repository: RepositoryName,
  kind: 'manifests' | 'blobs' | 'tags' | 'referrers',
  last: string,
): URL {
  return urlBelow(registry, `v2/${repository}/${kind}/${last}`);
}

/** A path of a registry that may itself be below one. */
export function urlBelow({ pathname, origin }: URL, path: string): URL {
  return new URL(`${pathname.replace(/\/+$/, '')}/${path}`, origin);
}
