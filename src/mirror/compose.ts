import type { Clock } from '../base/clock.ts';
import type { ContentStore } from '../store/content-store.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import type { Logger } from '../telemetry/log.ts';
import type { UpstreamName } from '../oci/reference.ts';
import { DeletionGate } from './access/deletion-gate.ts';
import { Gate } from './access/gate.ts';
import { Passthrough } from './access/passthrough.ts';
import { AccessPolicy, type AccessRules } from './access/policy.ts';
import { Visibility } from './access/visibility.ts';
import { BlobService } from './blobs/blob-service.ts';
import { Blocks } from './fill/blocks.ts';
import { Breaker } from '../upstream/breaker.ts';
import { CachedContent } from './cached-content.ts';
import { Candidates } from './candidates.ts';
import { Catalog } from './lists/catalog.ts';
import type { Degradation } from '../cache/degradation.ts';
import { Deletions } from './deletions.ts';
import { Entitlement } from './blobs/entitlement.ts';
import { Fills } from './fill/fills.ts';
import { Freshness, type FreshnessPolicy } from './manifests/freshness.ts';
import { ManifestFetcher } from './manifests/manifest-fetcher.ts';
import { ManifestRecords } from './manifests/manifest-records.ts';
import { ManifestService } from './manifests/manifest-service.ts';
import type { PullAheadCounter } from '../cache/pull-ahead-counter.ts';
import type { PullAheadPolicy } from './pull-ahead/policy.ts';
import { PullAhead } from './pull-ahead/pull-ahead.ts';
import { ByteBudget } from './fill/ranges/budget.ts';
import { Hosts } from './fill/ranges/hosts.ts';
import type { RangePolicy } from './fill/ranges/policy.ts';
import { Ranges, type SharedRanges } from './fill/ranges/ranges.ts';
import { PullThroughMirror } from './pull-through-mirror.ts';
import { ReferrersService } from './lists/referrers-service.ts';
import { Routing } from '../oci/routing.ts';
import { SearchService } from './lists/search-service.ts';
import type { Space } from '../cache/space/compose.ts';
import { HitValidity } from './hit-validity.ts';
import { StoredBlobs } from './blobs/stored-blobs.ts';
import { TagListService } from './lists/tag-list-service.ts';
import type { Upstream, UpstreamClients } from './upstream.ts';

/** Bytes that arrive before their turn, of all blobs together. */
const aheadBytes = 16 * 1024 * 1024;

/** An upstream to be mirrored, by the name of its client. */
export interface MirroredUpstream extends UpstreamClients {
  readonly freshness: FreshnessPolicy;
  readonly pullAhead: PullAheadPolicy;
  readonly ranges: RangePolicy;
}

export interface MirrorParts {
  readonly upstreams: readonly MirroredUpstream[];
  /** The upstream that names without a registry mean; undefined: such names mean nothing. */
  readonly plain: UpstreamName | undefined;
  readonly access: AccessRules;
  /** Whether clients can log in to this mirror at all. */
  readonly canLogIn: boolean;
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly space: Space;
  /** Told what is fetched ahead of clients. */
  readonly pullAheadCounter: PullAheadCounter;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0 to 1; spreads retries. */
  readonly random: () => number;
}

export interface RunningMirror {
  readonly mirror: PullThroughMirror;
  /** Ends fills; their partial bytes are kept. The space, the stores and the upstreams are not closed. */
  close(): Promise<void>;
}

/** The upstreams that are or ever were asked with credentials; writes down those that are new. */
async function noteGuarded(
  upstreams: readonly MirroredUpstream[],
  metadata: MetadataStore,
  degradation: Degradation,
): Promise<ReadonlySet<UpstreamName>> {
  const before = (await degradation.tolerate(() => metadata.guardedUpstreams())) ?? [];
  const now = upstreams.flatMap(({ registry, anonymous }) =>
    anonymous === undefined ? [] : [registry.name],
  );
  for (const name of now) {
    if (!before.includes(name)) await degradation.tolerate(() => metadata.putGuarded(name));
  }
  return new Set([...before, ...now]);
}

/** Builds the mirror out of its parts and takes up what is remembered of the upstreams. */
export async function composeMirror(parts: MirrorParts): Promise<RunningMirror> {
  const { upstreams, plain, access, canLogIn, content, metadata, space, clock, logger, random } = parts;
  const { inUse, admission, enforcer, evictor, health, degradation } = space;
  const guarded = await noteGuarded(upstreams, metadata, degradation);
  const blocks = new Blocks();
  const sharedRanges: SharedRanges = {
    hosts: new Hosts(clock),
    budget: new ByteBudget(aheadBytes),
    blocks,
    clock,
    logger,
  };
  const take = async ({ freshness, pullAhead, ranges, ...clients }: MirroredUpstream): Promise<Upstream> => {
    const { registry } = clients;
    const { name } = registry;
    // What was fetched with credentials stays private when the credentials are removed from the configuration.
    const anonymous = clients.anonymous ?? (guarded.has(name) ? registry : undefined);
    const remembered = await degradation.tolerate(() => metadata.upstreamState(name));
    const breaker = new Breaker(clock, remembered, (state) => {
      void degradation.tolerate(() => metadata.putUpstreamState(name, state));
    });
    return {
      name,
      ...clients,
      anonymous,
      breaker,
      freshness: new Freshness(freshness),
      pullAhead,
      ranges: new Ranges(ranges, sharedRanges),
    };
  };
  const routing = new Routing(await Promise.all(upstreams.map(take)), plain);
  const gate = new Gate({
    routing,
    policy: new AccessPolicy(access, canLogIn),
    visibility: new Visibility({ metadata, degradation, clock }),
    passthrough: new Passthrough(clock),
    guarded: guarded.size > 0,
  });
  const tagLists = new TagListService({ routing, metadata, degradation, clock });
  const records = new ManifestRecords({
    metadata,
    degradation,
    enforcer,
    clock,
    onTag: (repository, tag) => tagLists.pulled(repository, tag),
  });
  const fetcher = new ManifestFetcher(routing, records);
  const manifests = new ManifestService({ routing, records, fetcher, clock });
  const entitlement = new Entitlement(routing, metadata, degradation);
  const referrers = new ReferrersService({ routing, manifests, records, metadata, degradation, clock });
  const fills = new Fills({
    content,
    metadata,
    degradation,
    admission,
    inUse,
    blocks,
    clock,
    logger,
    random,
  });
  const blobs = new BlobService({
    routing,
    blobs: new StoredBlobs({ content, metadata, fills, degradation, logger }),
    metadata,
    entitlement,
    fills,
    inUse,
    clock,
    logger,
    random,
  });
  const pullAhead = new PullAhead({
    routing,
    blobs,
    records,
    manifests: fetcher,
    counter: parts.pullAheadCounter,
    clock,
    logger,
  });
  const candidates = new Candidates(routing, gate);
  const catalog = new Catalog({ routing, metadata, gate });
  const mirror = new PullThroughMirror({
    candidates,
    cached: new CachedContent({ candidates, gate, metadata, blobs }),
    gate,
    manifests,
    records,
    tagLists,
    referrers,
    blobs,
    pullAhead,
    entitlement,
    catalog,
    searches: new SearchService({ routing, catalog, gate, clock }),
    deletions: new Deletions({
      candidates,
      gate: new DeletionGate({ routing, gate, canLogIn }),
      evictor,
    }),
    health,
    hitValidity: new HitValidity({
      candidates,
      gate,
      manifests,
      records,
      entitlement,
      pullAhead,
      content,
      metadata,
    }),
  });
  evictor.onEviction((eviction) => {
    records.forget(eviction);
    for (const { digest } of eviction.manifests) pullAhead.forget(digest);
    for (const { repository, digest } of eviction.rights) entitlement.forget(repository, digest);
  });
  return {
    mirror,
    async close() {
      const ahead = pullAhead.close();
      await fills.close();
      await ahead;
    },
  };
}
