import { setImmediate as turn } from 'node:timers/promises';
import { pause, type Clock } from '../../base/clock.ts';
import type { RepositoryName, UpstreamName } from '../../oci/reference.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { Degradation } from '../degradation.ts';
import type { ClockWatch } from './clock-watch.ts';
import type { Evictor } from './evictor.ts';
import type { Leftovers } from './leftovers.ts';
import type { Pins } from './pins.ts';
import type { Quotas } from './quotas.ts';
import type { Remover } from './remover.ts';
import type { UnrecordedBlobs } from './unrecorded-blobs.ts';

const lookMs = 60 * 1000;
/** Of looks, until what is old is removed for the first time: a clock that is wrong at boot is set by then. */
const looksAtFirst = 5;
const looksPerSweep = 60;

const dayMs = 24 * 60 * 60 * 1000;
/** A partial blob that nobody has come back for in this time is not worth its room. */
const partialLifeMs = 7 * dayMs;
/** How long a damaged blob can be examined. */
const quarantineMs = 30 * dayMs;
/** How long upstream's word on what is not held counts, where nothing else is removed for its age. */
const rightsLifeMs = 30 * dayMs;
/** Repositories looked at between two turns of the event loop. */
const repositoriesPerTurn = 200;

export interface HousekeepingOptions {
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly evictor: Evictor;
  readonly remover: Remover;
  readonly unrecorded: UnrecordedBlobs;
  readonly pins: Pins;
  readonly leftovers: Leftovers;
  readonly quotas: Quotas;
  readonly clockWatch: ClockWatch;
  readonly degradation: Degradation;
  readonly clock: Clock;
  /** Those whose quotas are looked after. */
  readonly upstreams: readonly UpstreamName[];
  /** As the evictor's. */
  readonly ttlMs: number;
}

/** What is done by the clock: a look at the disk each minute, and each hour what has become too old goes. */
export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #closing = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  /** Begins with what a crash has left, and goes on until {@link close}. */
  start(): void {
    this.#running = this.#repeat();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #repeat(): Promise<void> {
    const { signal } = this.#closing;
    let looks = 0;
    do {
      await this.#look();
      if (looks % looksPerSweep === looksAtFirst) await this.#sweep();
      else if (looks === 0) await this.#checkQuotas();
      looks += 1;
    } while (await pause(this.#options.clock, lookMs, signal));
  }

  async #look(): Promise<void> {
    const { content, degradation, pins, leftovers, remover, unrecorded, evictor, clockWatch } = this.#options;
    const { signal } = this.#closing;
    clockWatch.trustworthy();
    await degradation.tolerate(() => pins.load());
    await degradation.tolerate(() => leftovers.refresh());
    await degradation.tolerate(() => unrecorded.adopt(signal));
    await degradation.tolerate(() => remover.workOff(signal));
    await evictor.makeRoom();
    await degradation.tolerate(() => content.keepReserve());
  }

  async #sweep(): Promise<void> {
    const { content, metadata, evictor, clockWatch, degradation, clock, ttlMs } = this.#options;
    await this.#checkQuotas();
    if (!clockWatch.trustworthy()) return;
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
  async #checkQuotas(): Promise<void> {
    const { quotas, upstreams, degradation } = this.#options;
    if (!quotas.any) return;
    for (const upstream of upstreams) await degradation.tolerate(() => this.#checkUpstream(upstream));
  }

  async #checkUpstream(upstream: UpstreamName): Promise<void> {
    const { metadata, evictor } = this.#options;
    let last: RepositoryName | undefined;
    while (!this.#closing.signal.aborted) {
      const names = await metadata.repositories(upstream, { last, limit: repositoriesPerTurn });
      if (names.length === 0) return;
      for (const name of names) void evictor.grown({ upstream, name });
      last = names.at(-1);
      await turn();
    }
  }
}
