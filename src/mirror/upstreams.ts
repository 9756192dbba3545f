import type { Clock } from '../base/clock.ts';
import type { Degradation } from '../cache/degradation.ts';
import type { UpstreamName } from '../oci/reference.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import type { Logger } from '../telemetry/log.ts';
import { Breaker } from '../upstream/breaker.ts';
import type { Connectivity } from '../upstream/connectivity.ts';
import type { Blocks } from './fill/blocks.ts';
import { ByteBudget } from './fill/ranges/budget.ts';
import { Hosts } from './fill/ranges/hosts.ts';
import type { RangePolicy } from './fill/ranges/policy.ts';
import { Ranges } from './fill/ranges/ranges.ts';
import { Freshness, type FreshnessPolicy } from './manifests/freshness.ts';
import type { PullAheadPolicy } from './pull-ahead/policy.ts';
import type { Upstream, UpstreamClients } from './upstream.ts';

/** Bytes that arrive before their turn, of all blobs together. */
const aheadBytes = 16 * 1024 * 1024;

/** An upstream to be mirrored, by the name of its client. */
export interface MirroredUpstream extends UpstreamClients {
  readonly freshness: FreshnessPolicy;
  readonly pullAhead: PullAheadPolicy;
  readonly ranges: RangePolicy;
}

export interface UpstreamsDeps {
  readonly metadata: MetadataStore;
  readonly degradation: Degradation;
  readonly blocks: Blocks;
  readonly connectivity: Connectivity;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The upstreams with what is stored of them: whether they failed, and whether they are or ever were asked
 * with credentials. What was fetched with credentials stays private when those are removed from the
 * configuration.
 */
export async function openUpstreams(
  mirrored: readonly MirroredUpstream[],
  { metadata, degradation, blocks, connectivity, clock, logger }: UpstreamsDeps,
): Promise<{ readonly upstreams: readonly Upstream[]; readonly guarded: ReadonlySet<UpstreamName> }> {
  const guarded = await noteGuarded(mirrored, metadata, degradation);
  const shared = { hosts: new Hosts(clock), budget: new ByteBudget(aheadBytes), blocks, clock, logger };
  const upstreams = await Promise.all(
    mirrored.map(async ({ freshness, pullAhead, ranges, ...clients }) => {
      const { registry } = clients;
      const { name } = registry;
      const anonymous = clients.anonymous ?? (guarded.has(name) ? registry : undefined);
      const breaker = new Breaker({
        clock,
        connectivity,
        initial: await degradation.tolerate(() => metadata.upstreamState(name)),
        onChange: (state) => void degradation.tolerate(() => metadata.putUpstreamState(name, state)),
      });
      return {
        name,
        ...clients,
        anonymous,
        breaker,
        freshness: new Freshness(freshness),
        pullAhead,
        ranges: new Ranges(ranges, shared),
      };
    }),
  );
  return { upstreams, guarded };
}

/** The upstreams that are or ever were asked with credentials; stores those that are new. */
async function noteGuarded(
  mirrored: readonly MirroredUpstream[],
  metadata: MetadataStore,
  degradation: Degradation,
): Promise<ReadonlySet<UpstreamName>> {
  const before = new Set((await degradation.tolerate(() => metadata.guardedUpstreams())) ?? []);
  const withAccount = mirrored.filter(({ anonymous }) => anonymous !== undefined);
  const now = new Set(withAccount.map(({ registry }) => registry.name));
  for (const name of now.difference(before)) await degradation.tolerate(() => metadata.putGuarded(name));
  return before.union(now);
}
