import { setImmediate as turn } from 'node:timers/promises';
import { pause, type Clock } from '../../base/clock.ts';
import type { RepositoryName, UpstreamName } from '../../oci/reference.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Degradation } from '../degradation.ts';
import type { InUse } from '../in-use.ts';
import { ClockWatch } from './clock-watch.ts';
import type { Evictor } from './evictor.ts';
import type { Leftovers } from './leftovers.ts';
import type { LimitEnforcer } from './limit-enforcer.ts';
import type { Pins } from './pins.ts';
import type { Quotas } from './quotas.ts';
import type { Remover } from './remover.ts';
import { adoptUnrecordedBlobs } from './unrecorded-blobs.ts';

const minuteMs = 60 * 1000;
/** Minutes until old content is removed for the first time: a clock that is wrong at boot is set by then. */
const minutesAtFirst = 5;
const minutesPerSweep = 60;

const dayMs = 24 * 60 * 60 * 1000;
/** A partial blob that was not resumed in this time is removed. */
const partialLifeMs = 7 * dayMs;
/** How long a damaged blob is kept for inspection. */
const quarantineMs = 30 * dayMs;
/** How long upstream's confirmation of uncached blobs is kept where there is no ttl. */
const rightsLifeMs = 30 * dayMs;
/** Repositories looked at between two turns of the event loop. */
const repositoriesPerTurn = 200;

export interface HousekeepingDeps {
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly inUse: InUse;
  readonly evictor: Evictor;
  readonly enforcer: LimitEnforcer;
  readonly remover: Remover;
  readonly pins: Pins;
  readonly leftovers: Leftovers;
  readonly quotas: Quotas;
  readonly degradation: Degradation;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Those whose quotas are enforced. */
  readonly upstreams: readonly UpstreamName[];
  /** As the evictor's. */
  readonly ttlMs: number;
}

/** Periodic work: each minute the limits are enforced, each hour old content is removed. */
export class Housekeeping implements AsyncDisposable {
  readonly #deps: HousekeepingDeps;
  readonly #clockWatch: ClockWatch;
  readonly #closing = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(deps: HousekeepingDeps) {
    this.#deps = deps;
    this.#clockWatch = new ClockWatch(deps.clock, deps.logger);
  }

  /** Begins with what a crash has left, and goes on until it is disposed of. */
  start(): void {
    this.#running = this.#repeat();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #repeat(): Promise<void> {
    const { signal } = this.#closing;
    let minute = 0;
    do {
      await this.#everyMinute();
      if (minute % minutesPerSweep === minutesAtFirst) await this.#everyHour();
      else if (minute === 0) await this.#enforceQuotas();
      minute += 1;
    } while (await pause(this.#deps.clock, minuteMs, signal));
  }

  async #everyMinute(): Promise<void> {
    const { content, degradation, pins, leftovers, remover, enforcer } = this.#deps;
    const { signal } = this.#closing;
    this.#clockWatch.trustworthy();
    await degradation.tolerate(() => pins.load());
    await degradation.tolerate(() => leftovers.refresh());
    await degradation.tolerate(() => adoptUnrecordedBlobs(this.#deps, signal));
    await degradation.tolerate(() => remover.workOff(signal));
    await enforcer.makeRoom();
    await degradation.tolerate(() => content.keepReserve());
  }

  async #everyHour(): Promise<void> {
    const { content, metadata, evictor, degradation, clock, ttlMs } = this.#deps;
    await this.#enforceQuotas();
    if (!this.#clockWatch.trustworthy()) return;
    const now = clock.now();
    await degradation.tolerate(() => content.removePartials(now - partialLifeMs));
    await degradation.tolerate(() => content.removeQuarantined(now - quarantineMs));
    await evictor.expire();
    await degradation.tolerate(async () => {
      const before = now - (ttlMs === 0 ? rightsLifeMs : ttlMs);
      while (!this.#closing.signal.aborted && (await metadata.evictions.tidy(before))) await turn();
    });
  }

  /** Quotas may have been lowered, and a blob that one repository fetched counts for others, too. */
  async #enforceQuotas(): Promise<void> {
    const { quotas, upstreams, degradation } = this.#deps;
    if (!quotas.any) return;
    for (const upstream of upstreams) await degradation.tolerate(() => this.#enforceQuotasOf(upstream));
  }

  async #enforceQuotasOf(upstream: UpstreamName): Promise<void> {
    const { metadata, enforcer } = this.#deps;
    let last: RepositoryName | undefined;
    while (!this.#closing.signal.aborted) {
      const names = await metadata.repositories(upstream, { last, limit: repositoriesPerTurn });
      if (names.length === 0) return;
      for (const name of names) void enforcer.grown({ upstream, name });
      last = names.at(-1);
      await turn();
    }
  }
}
