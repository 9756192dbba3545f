import type { Clock } from '../../base/clock.ts';
import type { ContentStore, Room } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { StoreError } from '../../store/store-error.ts';
import type { PullAheadCounter } from '../pull-ahead-counter.ts';
import type { Evictor } from '../space/evictor.ts';
import { bytesOf, type Quota, type SizeLimit, type SpaceLimits } from '../space/limits.ts';
import type { StoreHealth } from '../space/store-health.ts';
import type { Stats } from './schemas.ts';
import type { Scrubber } from './scrubber.ts';

/** What a server tells of itself that the cache does not know. */
export interface ServerState {
  offline(): boolean;
  /** What is taken from all upstreams at most, in bytes a second; undefined for no limit. */
  maxRate(): number | undefined;
  /** When images are warmed next, in milliseconds since the epoch; undefined during that, and for never. */
  nextWarmAt(): number | undefined;
}

export interface StatsReaderDeps {
  readonly content: Pick<ContentStore, 'listPartial' | 'listQuarantined' | 'room'>;
  readonly metadata: Pick<MetadataStore, 'inventory' | 'evictions' | 'audit'>;
  readonly evictor: Pick<Evictor, 'evicted'>;
  readonly scrubber: Pick<Scrubber, 'counts'>;
  readonly pullAheadCounter: Pick<PullAheadCounter, 'counts'>;
  readonly health: Pick<StoreHealth, 'check'>;
  readonly limits: SpaceLimits;
  readonly quotas: readonly Quota[];
  readonly scrubMs: number;
  /** Undefined where this is no server. */
  readonly server: ServerState | undefined;
  readonly clock: Clock;
}

/** Reads the numbers of a cache. The server's uptime counts from this call. */
export function statsReader(deps: StatsReaderDeps): () => Promise<Stats> {
  const { content, metadata, health, scrubMs, server, clock } = deps;
  const started = { at: clock.now(), monotonic: clock.monotonic() };
  return async () => {
    const disk = await roomOf(content);
    const problems = await health.check();
    const { repositories, tags } = await metadata.inventory.counts();
    return {
      store: {
        repositories,
        tags,
        ...(await metadata.evictions.usage()),
        partial: await totalOf(content.listPartial()),
        quarantine: await totalOf(content.listQuarantined()),
      },
      disk: disk ?? null,
      limits: limitsIn(deps, disk),
      cache: { state: problems.length === 0 ? 'healthy' : 'failed', problems },
      scrub: {
        periodMs: scrubMs === 0 ? null : scrubMs,
        oldestVerifiedAt: (await metadata.audit.oldestVerification()) ?? null,
      },
      server: server
        ? {
            offline: server.offline(),
            maxRate: server.maxRate() ?? null,
            nextWarmAt: server.nextWarmAt() ?? null,
            startedAt: started.at,
            uptimeMs: Math.round(clock.monotonic() - started.monotonic),
            ...countsOf(deps),
          }
        : null,
    };
  };
}

function limitsIn({ limits, quotas }: StatsReaderDeps, disk: Room | undefined): Stats['limits'] {
  const inBytes = (limit: SizeLimit): number | null =>
    'bytes' in limit ? limit.bytes : disk === undefined ? null : bytesOf(limit, disk.size);
  return {
    maxsize: limits.maxsize === undefined ? null : inBytes(limits.maxsize),
    minfree: inBytes(limits.minfree),
    quotas: quotas.map((quota) => ({
      match: 'upstream' in quota ? `${quota.upstream}/*` : quota.match,
      bytes: quota.bytes,
    })),
  };
}

function countsOf({ evictor, scrubber, pullAheadCounter }: StatsReaderDeps) {
  const { damaged, ...scrubbed } = scrubber.counts;
  return { ahead: pullAheadCounter.counts, evicted: { ...evictor.evicted }, scrubbed, damaged };
}

/** Undefined where the disk cannot be read. */
async function roomOf(content: Pick<ContentStore, 'room'>): Promise<Room | undefined> {
  try {
    return await content.room();
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

async function totalOf(
  blobs: AsyncIterable<{ readonly size: number }>,
): Promise<{ blobs: number; bytes: number }> {
  const total = { blobs: 0, bytes: 0 };
  for await (const { size } of blobs) {
    total.blobs += 1;
    total.bytes += size;
  }
  return total;
}
