import type { Clock } from '../../base/clock.ts';
import type { UpstreamName } from '../../oci/reference.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { Logger } from '../../telemetry/log.ts';
import { Degradation } from '../degradation.ts';
import { InUse } from '../in-use.ts';
import { Admission } from './admission.ts';
import { ClockWatch } from './clock-watch.ts';
import { Disk } from './disk.ts';
import { EvictionSteps } from './eviction-steps.ts';
import { Evictor } from './evictor.ts';
import { Housekeeping } from './housekeeping.ts';
import { Leftovers } from './leftovers.ts';
import { LimitEnforcer } from './limit-enforcer.ts';
import type { Quota, SpaceLimits } from './limits.ts';
import { Pins, type WrittenNames } from './pins.ts';
import { Quotas } from './quotas.ts';
import { Remover } from './remover.ts';
import { Reservations } from './reservations.ts';
import { SpacePolicy } from './space-policy.ts';
import { StoreHealth } from './store-health.ts';

/** What the operator asks of the cache's size. */
export interface SpaceSettings extends SpaceLimits {
  readonly quotas: readonly Quota[];
  /** Patterns of images that are never evicted. */
  readonly pins: readonly string[];
  /** Milliseconds since its last use after which content is evicted; 0: never. */
  readonly ttlMs: number;
}

export interface SpaceDeps {
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly settings: SpaceSettings;
  readonly upstreams: readonly UpstreamName[];
  /** For patterns of pins. */
  readonly names: WrittenNames;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Keeps the cache within its limits; in the background from `start` on. The stores stay open. */
export type Space = ReturnType<typeof composeSpace>;

/** Reads nothing yet. */
export function composeSpace(deps: SpaceDeps) {
  const { content, metadata, settings, names, clock, logger } = deps;
  const { evictions, inventory } = metadata;
  const { ttlMs } = settings;
  const inUse = new InUse();
  const health = new StoreHealth({ content, metadata, clock, logger });
  const degradation = new Degradation(health);
  const pins = new Pins(inventory, settings.pins, names);
  const quotas = new Quotas(settings.quotas);
  const reservations = new Reservations();
  const disk = new Disk(content, reservations, clock);
  const leftovers = new Leftovers(content, reservations);
  const parts = {
    ...deps,
    evictions,
    ttlMs,
    inUse,
    health,
    degradation,
    pins,
    quotas,
    reservations,
    disk,
    leftovers,
  };
  const policy = new SpacePolicy({ ...parts, limits: settings });
  const remover = new Remover(parts);
  const steps = new EvictionSteps({ ...parts, remover });
  const enforcer = new LimitEnforcer({ ...parts, steps, policy });
  const evictor = new Evictor({ ...parts, steps, policy });
  const admission = new Admission({ ...parts, policy, enforcer });
  const clockWatch = new ClockWatch(clock, logger);
  const housekeeping = new Housekeeping({ ...parts, evictor, enforcer, remover, clockWatch });
  return {
    inUse,
    pins,
    health,
    degradation,
    remover,
    enforcer,
    evictor,
    admission,
    start(): void {
      enforcer.watch();
      housekeeping.start();
    },
    async [Symbol.asyncDispose](): Promise<void> {
      // All are aborted before any is awaited: they await one another.
      await Promise.all([housekeeping, enforcer, steps].map((part) => part[Symbol.asyncDispose]()));
      await health[Symbol.asyncDispose]();
    },
  };
}
