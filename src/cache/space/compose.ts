import type { Clock } from '../../base/clock.ts';
import type { UpstreamName } from '../../oci/reference.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { Logger } from '../../telemetry/log.ts';
import { Degradation } from '../degradation.ts';
import { ImageArrivals } from '../image-arrivals.ts';
import { InUse } from '../in-use.ts';
import { Admission } from './admission.ts';
import { Disk } from './disk.ts';
import { EvictionSteps } from './eviction-steps.ts';
import { Evictor } from './evictor.ts';
import { Housekeeping } from './housekeeping.ts';
import { Leftovers } from './leftovers.ts';
import { LimitEnforcer } from './limit-enforcer.ts';
import type { SpaceSettings } from './limits.ts';
import { Pins, type WrittenNames } from './pins.ts';
import { Quotas } from './quotas.ts';
import { Remover } from './remover.ts';
import { Reservations } from './reservations.ts';
import { SpacePolicy } from './space-policy.ts';
import { StoreHealth } from './store-health.ts';

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
  const state = composeState(deps);
  const { inUse, arrivals, reservations, leftovers, pins, health, degradation } = state;
  const policy = new SpacePolicy({ ...state, limits: deps.settings });
  const remover = new Remover(state);
  const steps = new EvictionSteps({ ...state, remover });
  const enforcer = new LimitEnforcer({ ...state, steps, policy });
  const evictor = new Evictor({ ...state, steps, policy });
  const admission = new Admission({ ...state, policy, enforcer });
  const housekeeping = new Housekeeping({ ...state, evictor, enforcer, remover });
  const start = (): void => {
    enforcer.watch();
    housekeeping.start();
  };
  const close = async (): Promise<void> => {
    // All are aborted before any is awaited: they await one another.
    await Promise.all([housekeeping, enforcer, steps].map((part) => part[Symbol.asyncDispose]()));
    await health[Symbol.asyncDispose]();
  };
  const parts = { inUse, arrivals, reservations, leftovers, pins, health, degradation };
  return { ...parts, remover, enforcer, evictor, admission, start, [Symbol.asyncDispose]: close };
}

/** What is known of the cache, the disk and what is arriving. */
function composeState(deps: SpaceDeps) {
  const { content, metadata, settings, names, clock } = deps;
  const health = new StoreHealth(deps);
  const reservations = new Reservations();
  return {
    ...deps,
    evictions: metadata.evictions,
    ttlMs: settings.ttlMs,
    inUse: new InUse(),
    arrivals: new ImageArrivals(),
    health,
    degradation: new Degradation(health),
    pins: new Pins(metadata.inventory, settings.pins, names),
    quotas: new Quotas(settings.quotas),
    reservations,
    disk: new Disk(content, reservations, clock),
    leftovers: new Leftovers(content, reservations),
  };
}
