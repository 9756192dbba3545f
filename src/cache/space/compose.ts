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
import type { Quota } from './limits.ts';
import { Pins, type WrittenNames } from './pins.ts';
import { Quotas } from './quotas.ts';
import { Remover } from './remover.ts';
import { Reservations } from './reservations.ts';
import { LimitEnforcer } from './limit-enforcer.ts';
import { SpacePolicy, type SpaceLimits } from './space-policy.ts';
import { StoreHealth } from './store-health.ts';
import { UnrecordedBlobs } from './unrecorded-blobs.ts';

/** What the operator asks of the cache's size. */
export interface SpaceSettings extends SpaceLimits {
  readonly quotas: readonly Quota[];
  /** Patterns of images that are kept whatever happens. */
  readonly pins: readonly string[];
  /** Milliseconds since its last use after which content goes; 0 keeps it for ever. */
  readonly ttlMs: number;
}

export interface SpaceParts {
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly settings: SpaceSettings;
  readonly upstreams: readonly UpstreamName[];
  /** For patterns of pins. */
  readonly names: WrittenNames;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** All that keeps the cache within its limits. */
export interface Space {
  readonly inUse: InUse;
  readonly pins: Pins;
  readonly evictor: Evictor;
  readonly health: StoreHealth;
  readonly degradation: Degradation;
  readonly admission: Admission;
  readonly remover: Remover;
  /** Begins to look after the cache by the clock. A command that does one thing by hand does without. */
  start(): void;
  /** Ends what runs in the background. The stores are not closed. */
  close(): Promise<void>;
}

/** Builds it out of its parts; reads nothing yet. */
export function composeSpace(parts: SpaceParts): Space {
  const { content, metadata, settings, upstreams, names, clock, logger } = parts;
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
  const policy = new SpacePolicy({
    limits: settings,
    quotas,
    evictions,
    disk,
    leftovers,
    reservations,
    clock,
  });
  const remover = new Remover(content, evictions, inUse, disk);
  const steps = new EvictionSteps({ content, evictions, remover, pins, inUse, degradation });
  const enforcer = new LimitEnforcer({
    steps,
    policy,
    quotas,
    leftovers,
    disk,
    clock,
    health,
    degradation,
    logger,
  });
  const evictor = new Evictor({
    evictions,
    steps,
    enforcer,
    policy,
    pins,
    leftovers,
    degradation,
    clock,
    logger,
    ttlMs,
  });
  const housekeeping = new Housekeeping({
    content,
    metadata,
    evictor,
    remover,
    unrecorded: new UnrecordedBlobs(content, metadata, inUse),
    pins,
    leftovers,
    quotas,
    clockWatch: new ClockWatch(clock, logger),
    degradation,
    clock,
    upstreams,
    ttlMs,
  });
  return {
    inUse,
    pins,
    evictor,
    health,
    degradation,
    admission: new Admission({ policy, reservations, enforcer, leftovers, health, clock }),
    remover,
    start: () => {
      enforcer.watch();
      housekeeping.start();
    },
    async close() {
      const ended = Promise.all([enforcer.close(), steps.close()]);
      await housekeeping.close();
      await ended;
      await health.close();
    },
  };
}
