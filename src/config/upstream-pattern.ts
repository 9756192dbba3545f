import { dockerHub, dockerHubHosts } from '../oci/docker-hub.ts';
import type { UpstreamName } from '../oci/reference.ts';
import { suggest } from './suggest.ts';
import type { LoadContext } from './load-context.ts';
import type { Path } from './tree.ts';

/** The first part of a pattern, unless it has wildcards, must be an upstream. */
export function checkUpstream(
  pattern: string,
  path: Path,
  upstreams: readonly UpstreamName[],
  { problems }: LoadContext,
): void {
  const first = pattern.slice(0, pattern.indexOf('/'));
  if (!pattern.includes('/') || /[*?[{]/.test(first) || upstreams.some((name) => name === first)) return;
  problems.add(path, `${first} is not an upstream of this mirror${meant()}`);

  function meant(): string {
    if (dockerHubHosts.has(first)) return `, did you mean ${dockerHub}${pattern.slice(first.length)}?`;
    const near = suggest(first, upstreams);
    if (near !== undefined) return `, did you mean ${near}${pattern.slice(first.length)}?`;
    return upstreams.includes(dockerHub) && !first.includes('.')
      ? `; patterns begin with one, did you mean ${dockerHub}/${pattern}?`
      : `; patterns begin with one of ${upstreams.join(', ')}`;
  }
}
