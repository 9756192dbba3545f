import type { RepositoryName } from '../oci/reference.ts';

/**
 * Where the registry at `registry`, perhaps below a path, answers for a repository. Names, tags and digests consist of
 * characters that stand for themselves in a path, and no component is `.` or `..`: their parsers saw to that.
 */
export function endpoint(
  registry: URL,
  repository: RepositoryName,
  kind: 'manifests' | 'blobs' | 'tags' | 'referrers',
  last: string,
): URL {
  return new URL(
    `${registry.pathname.replace(/\/+$/, '')}/v2/${repository}/${kind}/${last}`,
    registry.origin,
  );
}
