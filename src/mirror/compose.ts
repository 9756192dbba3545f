import type { Clock } from '../clock.ts';
import type { ContentStore } from '../store/content-store.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import type { Logger } from '../telemetry/log.ts';
import type { UpstreamRegistry } from '../upstream/registry.ts';
import { BlobService } from './blob-service.ts';
import { Breaker } from './breaker.ts';
import { Degradation } from './degradation.ts';
import { Entitlement } from './entitlement.ts';
import { Expiry } from './expiry.ts';
import { Fills } from './fills.ts';
import { Freshness, type FreshnessRule } from './freshness.ts';
import { ManifestService } from './manifest-service.ts';
import type { Mirror } from './mirror.ts';
import { PullThroughMirror } from './pull-through-mirror.ts';
import { Routing } from './routing.ts';
import { TagListService } from './tag-list-service.ts';
import { TagRecords } from './tag-records.ts';
import { TagService } from './tag-service.ts';

export interface MirrorPolicy {
  readonly freshness: {
    /** Milliseconds for which a tag is served without asking upstream. */
    readonly defaultMs: number;
    readonly rules: readonly FreshnessRule[];
    /** What becomes of a cached tag that upstream no longer has. */
    readonly gone: 'keep' | 'drop';
  };
  /** Milliseconds since its last use after which content goes; 0 keeps it for ever. */
  readonly ttlMs: number;
}

export interface MirrorParts {
  readonly registry: UpstreamRegistry;
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly policy: MirrorPolicy;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0 to 1; spreads retries. */
  readonly random: () => number;
}

export interface RunningMirror {
  readonly mirror: Mirror;
  /** Ends fills (their partial bytes are kept) and expiry. The stores and the upstream are not closed. */
  close(): Promise<void>;
}

/** Builds the mirror out of its parts and takes up what is remembered of the upstream. */
export async function composeMirror(parts: MirrorParts): Promise<RunningMirror> {
  const { registry, content, metadata, policy, clock, logger, random } = parts;
  const degradation = new Degradation(clock, logger);
  const remembered = await degradation.tolerate(() => metadata.upstreamState(registry.name));
  const breaker = new Breaker(clock, remembered, (state) => {
    void degradation.tolerate(() => metadata.putUpstreamState(registry.name, state));
  });
  const routing = new Routing({ name: registry.name, registry, breaker });
  const tagRecords = new TagRecords(metadata, degradation);
  const entitlement = new Entitlement(routing, metadata, degradation);
  const manifests = new ManifestService({ routing, metadata, tags: tagRecords, degradation, clock });
  const freshness = new Freshness(policy.freshness.defaultMs, policy.freshness.rules);
  const tags = new TagService({
    routing,
    manifests,
    tags: tagRecords,
    freshness,
    gone: policy.freshness.gone,
    clock,
  });
  const tagLists = new TagListService({ routing, metadata, degradation, clock });
  const fills = new Fills({ content, metadata, degradation, clock, logger, random });
  const blobs = new BlobService({
    routing,
    content,
    metadata,
    entitlement,
    fills,
    degradation,
    clock,
    logger,
    random,
  });
  const mirror = new PullThroughMirror({
    routing,
    metadata,
    manifests,
    tagRecords,
    tags,
    tagLists,
    blobs,
    entitlement,
    degradation,
  });
  const expiry = new Expiry({
    content,
    metadata,
    degradation,
    clock,
    logger,
    ttlMs: policy.ttlMs,
    onExpired: () => {
      manifests.clear();
      tagRecords.clear();
      entitlement.clear();
    },
  });
  expiry.start();
  return {
    mirror,
    async close() {
      await expiry.stop();
      await fills.close();
    },
  };
}
