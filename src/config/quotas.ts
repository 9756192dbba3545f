import type { Quota } from '../cache/space/limits.ts';
import type { UpstreamName } from '../oci/reference.ts';
import { parseRegistryName } from './registry-url.ts';
import type { FileValues } from './schema.ts';
import type { LoadContext } from './load-context.ts';
import { pathText, type Path } from './tree.ts';
import { checkUpstream } from './upstream-pattern.ts';

/**
 * Merges `storage.quotas` and those under `upstreams`. The result counts only if there are no problems.
 * @param mirrored all upstreams
 */
export function readQuotas(
  { storage, upstreams = {} }: FileValues,
  mirrored: readonly UpstreamName[],
  context: LoadContext,
): readonly Quota[] {
  const given: readonly (readonly [Path, Quota])[] = [
    ...storage.quotas.map(({ match, size }, index) => {
      const path = ['storage', 'quotas', index, 'match'];
      checkUpstream(match.includes('/') ? match : `${match}/**`, path, mirrored, context);
      return [path, quotaOf(match, size)] as const;
    }),
    ...Object.entries(upstreams).flatMap(([key, value]) => {
      if (value?.quota === undefined) return [];
      return [[['upstreams', key, 'quota'], quotaOf(key, value.quota)] as const];
    }),
  ];
  checkTwins(given, context);
  return given.map(([, quota]) => quota);
}

/** `ghcr.io`, `ghcr.io/*` and `ghcr.io/**` all stand for the upstream as a whole. */
function quotaOf(match: string, bytes: number): Quota {
  const whole = /^([^/*?[{]+)(?:\/\*{1,2})?$/.exec(match)?.[1];
  const parsed = whole === undefined ? undefined : parseRegistryName(whole);
  return parsed === undefined || 'problem' in parsed ? { match, bytes } : { upstream: parsed.name, bytes };
}

/** One quota would never count. */
function checkTwins(given: readonly (readonly [Path, Quota])[], { problems }: LoadContext): void {
  const first = new Map<string, Path>();
  for (const [path, quota] of given) {
    const key = 'upstream' in quota ? quota.upstream : quota.match;
    const twin = first.get(key);
    if (twin === undefined) first.set(key, path);
    else problems.add(path, `${key} has a quota already: ${pathText(twin)}; keep one of them`);
  }
}
