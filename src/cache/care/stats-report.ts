import type { Clock } from '../../base/clock.ts';
import type { ContentStore, Room } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { StoreError } from '../../store/store-error.ts';
import type { PullAheadCounter } from '../pull-ahead-counter.ts';
import type { Evictor } from '../space/evictor.ts';
import { bytesOf, type Quota, type SizeLimit } from '../space/limits.ts';
import type { SpaceLimits } from '../space/space-policy.ts';
import type { StoreHealth } from '../space/store-health.ts';
import type { Scrubber } from './scrubber.ts';
import type { LimitStats, ServerStats, Stats, StoreStats } from './stats.ts';

export interface StatsReportParts {
  readonly content: Pick<ContentStore, 'listPartial' | 'listQuarantined' | 'room'>;
  readonly metadata: Pick<MetadataStore, 'inventory' | 'evictions' | 'audit'>;
  readonly evictor: Pick<Evictor, 'evicted'>;
  readonly scrubber: Pick<Scrubber, 'counts'>;
  readonly pullAheadCounter: Pick<PullAheadCounter, 'counts'>;
  readonly health: Pick<StoreHealth, 'check'>;
  readonly limits: SpaceLimits;
  readonly quotas: readonly Quota[];
  readonly scrubMs: number;
  /** Whether this is the server. */
  readonly serves: boolean;
  readonly clock: Clock;
}

/** Gathers the numbers of a cache. */
export class StatsReport {
  readonly #parts: StatsReportParts;
  readonly #startedAt: number;
  readonly #started: number;

  /** The server's time counts from here. */
  constructor(parts: StatsReportParts) {
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
    this.#started = parts.clock.monotonic();
  }

  /** Rejects with StoreError. */
  async now(): Promise<Stats> {
    const { metadata, health, scrubMs } = this.#parts;
    const disk = await this.#room();
    const problems = await health.check();
    const oldestVerifiedAt = (await metadata.audit.oldestVerification()) ?? null;
    return {
      store: await this.#store(),
      disk: disk ?? null,
      limits: this.#limits(disk),
      cache: { state: problems.length === 0 ? 'healthy' : 'failed', problems },
      scrub: { periodMs: scrubMs === 0 ? null : scrubMs, oldestVerifiedAt },
      server: this.#parts.serves ? this.#server() : null,
    };
  }

  async #store(): Promise<StoreStats> {
    const { content, metadata } = this.#parts;
    const { repositories, tags } = await metadata.inventory.counts();
    const usage = await metadata.evictions.usage();
    return {
      repositories,
      tags,
      ...usage,
      partial: await totalOf(content.listPartial()),
      quarantine: await totalOf(content.listQuarantined()),
    };
  }

  #limits(disk: Room | undefined): LimitStats {
    const { limits, quotas } = this.#parts;
    return {
      maxsize: limits.maxsize === undefined ? null : inBytes(limits.maxsize, disk),
      minfree: inBytes(limits.minfree, disk),
      quotas: quotas.map((quota) => ({
        match: 'upstream' in quota ? `${quota.upstream}/*` : quota.match,
        bytes: quota.bytes,
      })),
    };
  }

  #server(): ServerStats {
    const { evictor, scrubber, pullAheadCounter, clock } = this.#parts;
    const { blobs, bytes, damaged } = scrubber.counts;
    return {
      startedAt: this.#startedAt,
      uptimeMs: Math.round(clock.monotonic() - this.#started),
      ahead: pullAheadCounter.counts,
      evicted: { ...evictor.evicted },
      scrubbed: { blobs, bytes },
      damaged,
    };
  }

  async #room(): Promise<Room | undefined> {
    try {
      return await this.#parts.content.room();
    } catch (error) {
      if (error instanceof StoreError) return undefined;
      throw error;
    }
  }
}

/** Null for a share of a disk that cannot be asked. */
function inBytes(limit: SizeLimit, disk: Room | undefined): number | null {
  if ('bytes' in limit) return limit.bytes;
  return disk === undefined ? null : bytesOf(limit, disk.size);
}

async function totalOf(
  blobs: AsyncIterable<{ readonly size: number }>,
): Promise<{ readonly blobs: number; readonly bytes: number }> {
  let count = 0;
  let bytes = 0;
  for await (const { size } of blobs) {
    count += 1;
    bytes += size;
  }
  return { blobs: count, bytes };
}
