import type { Clock } from '../base/clock.ts';
import type { PullAheadCounter } from '../cache/pull-ahead-counter.ts';
import type { Space } from '../cache/space/compose.ts';
import type { UpstreamName } from '../oci/reference.ts';
import { Routing } from '../oci/routing.ts';
import type { ContentStore } from '../store/content-store.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Connectivity } from '../upstream/connectivity.ts';
import { Gate } from './access/gate.ts';
import type { AccessRules } from './access/policy.ts';
import { BlobService } from './blobs/blob-service.ts';
import { Entitlement } from './blobs/entitlement.ts';
import { StoredBlobs } from './blobs/stored-blobs.ts';
import { Candidates } from './candidates.ts';
import { Blocks } from './fill/blocks.ts';
import type { FillRequest } from './fill/fill.ts';
import { Fills } from './fill/fills.ts';
import { ReferrersService } from './lists/referrers-service.ts';
import { TagListService } from './lists/tag-list-service.ts';
import { ManifestFetcher } from './manifests/manifest-fetcher.ts';
import { ManifestRecords } from './manifests/manifest-records.ts';
import { ManifestService } from './manifests/manifest-service.ts';
import { PullAhead } from './pull-ahead/pull-ahead.ts';
import { PullThroughMirror } from './pull-through-mirror.ts';
import { openUpstreams, type MirroredUpstream } from './upstreams.ts';
import { LocalWarmer } from './warm/local-warmer.ts';
import type { Warmer } from './warm/warmer.ts';

interface MirrorDeps {
  readonly upstreams: readonly MirroredUpstream[];
  /** The upstream that names without a registry mean; undefined: such names mean nothing. */
  readonly plain: UpstreamName | undefined;
  readonly access: AccessRules;
  /** Whether clients can log in to this mirror at all. */
  readonly canLogIn: boolean;
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly space: Space;
  readonly pullAheadCounter: PullAheadCounter;
  readonly connectivity: Connectivity;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0 to 1; spreads retries. */
  readonly random: () => number;
}

export interface RunningMirror extends AsyncDisposable {
  readonly mirror: PullThroughMirror;
  readonly warmer: Warmer;
}

/** Builds the mirror. Disposing it ends fills and keeps their bytes; stores and upstreams stay open. */
export async function composeMirror({ space, ...deps }: MirrorDeps): Promise<RunningMirror> {
  const given = { ...space, ...deps, blocks: new Blocks() };
  const { upstreams, guarded } = await openUpstreams(deps.upstreams, given);
  const base = { ...given, routing: new Routing(upstreams, deps.plain), guarded: guarded.size > 0 };
  const { routing } = base;
  const gate = new Gate(base);
  const tagLists = new TagListService(base);
  const records = new ManifestRecords({ ...base, tagLists });
  const fetcher = new ManifestFetcher(routing, records);
  const manifests = new ManifestService({ ...base, records, fetcher });
  const entitlement = new Entitlement(base);
  const fills = new Fills({ ...base, onInterrupted: (request) => void resume(request) });
  const blobs = new BlobService({ ...base, blobs: new StoredBlobs({ ...base, fills }), entitlement, fills });
  const resume = async ({ repository, digest }: FillRequest): Promise<void> => {
    try {
      // Unless it was imported meanwhile.
      await blobs.fetchAhead(repository, digest, 'suffices');
    } catch (error) {
      deps.logger.error({ err: error, digest }, 'a blob that going offline has interrupted could not go on');
    }
  };
  const pullAhead = new PullAhead({ ...base, blobs, records, fetcher, counter: deps.pullAheadCounter });
  const services = { ...base, gate, records, manifests, tagLists, entitlement, blobs, pullAhead };
  const candidates = new Candidates(routing, gate);
  const referrers = new ReferrersService({ ...base, manifests, records });
  const mirror = new PullThroughMirror({ ...services, candidates, referrers });
  const warmer = new LocalWarmer({ ...services, candidates, referrers });
  space.evictor.onEviction((eviction) => {
    records.forget(eviction);
    for (const { digest } of eviction.manifests) pullAhead.forget(digest);
    for (const { repository, digest } of eviction.rights) entitlement.forget(repository, digest);
  });
  space.arrivals.onArrival(({ repository, tags, blobs: confirmed }) => {
    records.forget({ manifests: [], tags: tags.map((tag) => ({ repository, tag })) });
    for (const tag of tags) tagLists.pulled(repository, tag);
    for (const digest of confirmed) entitlement.forget(repository, digest);
  });
  const close = () => Promise.all([pullAhead.close(), fills.close()]);
  return { mirror, warmer, [Symbol.asyncDispose]: async () => void (await close()) };
}
