import type { Clock } from '../../base/clock.ts';
import type { ManifestReference, Repository } from '../../oci/reference.ts';
import type { EvictedBlob, EvictedImage, Eviction, Evictions } from '../../store/evictions.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Degradation } from '../degradation.ts';
import type { EvictionSteps } from './eviction-steps.ts';
import type { Leftovers } from './leftovers.ts';
import type { Pins } from './pins.ts';
import type { LimitEnforcer } from './limit-enforcer.ts';
import type { SpacePolicy } from './space-policy.ts';
import { EvictionTotals } from './eviction-totals.ts';

export interface EvictorOptions {
  readonly evictions: Evictions;
  readonly steps: EvictionSteps;
  readonly enforcer: LimitEnforcer;
  readonly policy: SpacePolicy;
  readonly pins: Pins;
  readonly leftovers: Leftovers;
  readonly degradation: Degradation;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds since its last use after which content goes; 0 keeps it for ever. */
  readonly ttlMs: number;
}

/** Conditions for {@link Evictor.prune}, of which at least one is given. */
export interface PruneRequest {
  /** Images go until everything that is cached takes so many bytes at most. */
  readonly toBytes?: number | undefined;
  /** Images go that were last used before then, in milliseconds since the epoch. */
  readonly unusedBefore?: number | undefined;
  /** Says what would go, and changes nothing. */
  readonly dryRun: boolean;
}

/**
 * Removes what is least recently used, as whole images, in the background and in small steps: no pull waits for it. The
 * only one that evicts, so that those who remember things always hear of it.
 */
export class Evictor {
  readonly #evictions: Evictions;
  readonly #steps: EvictionSteps;
  readonly #enforcer: LimitEnforcer;
  readonly #policy: SpacePolicy;
  readonly #pins: Pins;
  readonly #leftovers: Leftovers;
  readonly #degradation: Degradation;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #ttlMs: number;

  constructor(options: EvictorOptions) {
    this.#evictions = options.evictions;
    this.#steps = options.steps;
    this.#enforcer = options.enforcer;
    this.#policy = options.policy;
    this.#pins = options.pins;
    this.#leftovers = options.leftovers;
    this.#degradation = options.degradation;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#ttlMs = options.ttlMs;
  }

  /** What has gone since the start, for whatever reason. */
  get evicted(): { readonly images: number; readonly bytes: number } {
    return this.#steps.evicted;
  }

  /** Has `listener` called with what has gone from the database, before anybody else can look. */
  onEviction(listener: (eviction: Eviction) => void): void {
    this.#steps.onEviction(listener);
  }

  /** Keeps the limits, in the background; resolves when they are kept or nothing more can go. Never rejects. */
  makeRoom(): Promise<void> {
    return this.#enforcer.makeRoom();
  }

  /** As {@link makeRoom}, after more has come to be held under a repository: its quotas count, too. */
  grown(repository: Repository): Promise<void> {
    return this.#enforcer.grown(repository);
  }

  /** Removes what nobody has used for as long as the ttl. Never rejects. */
  async expire(): Promise<void> {
    if (this.#ttlMs === 0) return;
    const totals = new EvictionTotals();
    await this.#degradation.tolerate(async () => {
      for await (const eviction of this.#steps.run({ before: this.#clock.now() - this.#ttlMs })) {
        totals.add(eviction);
      }
    });
    if (totals.images + totals.blobs > 0) {
      this.#logger.info(totals.counts, 'evicted what nobody has used for as long as proxy.ttl');
    }
  }

  /**
   * Removes an image on demand, pinned or not, and its bytes. Undefined when the repository holds no such thing. Rejects
   * with StoreError.
   */
  async remove(repository: Repository, reference: ManifestReference): Promise<Eviction | undefined> {
    const retention = this.#steps.retention();
    const eviction = await this.#steps.withRoom(() =>
      this.#evictions.remove(repository, reference, retention),
    );
    if (eviction === undefined) return undefined;
    this.#policy.loosen();
    await this.#steps.carryOut(eviction);
    return eviction;
  }

  /**
   * Removes images until all conditions hold, and tells each; ends early when nothing more can go. What is pinned or in
   * use stays. Blobs that no image needs go, too, and are told of in a dry run. Rejects with StoreError.
   */
  prune(request: PruneRequest): AsyncIterable<EvictedImage | EvictedBlob> {
    return request.dryRun ? this.#planned(request) : this.#pruned(request);
  }

  async *#pruned({ toBytes, unusedBefore }: PruneRequest): AsyncIterable<EvictedImage> {
    if (unusedBefore !== undefined) {
      for await (const { images } of this.#steps.run({ before: unusedBefore })) yield* images;
    }
    if (toBytes === undefined) return;
    for (let excess = await this.#excess(toBytes); excess > 0; excess = await this.#excess(toBytes)) {
      if ((await this.#leftovers.removeOldest()) === undefined) break;
    }
    for (;;) {
      const excess = await this.#excess(toBytes);
      if (excess <= 0) return;
      let done = true;
      for await (const eviction of this.#steps.run({ bytes: excess })) {
        yield* eviction.images;
        ({ done } = eviction);
      }
      if (done) return;
    }
  }

  async *#planned({ toBytes, unusedBefore }: PruneRequest): AsyncIterable<EvictedImage | EvictedBlob> {
    await this.#pins.load();
    const told = new Set<string>();
    await this.#leftovers.refresh();
    let excess = toBytes === undefined ? 0 : (await this.#excess(toBytes)) - this.#leftovers.bytes;
    if (unusedBefore !== undefined) {
      const plan = this.#evictions.plan({ before: unusedBefore, retention: this.#steps.retention() });
      for await (const one of plan) {
        told.add(one.digest);
        excess -= one.bytes;
        yield one;
      }
    }
    if (excess <= 0) return;
    for await (const one of this.#evictions.plan({ retention: this.#steps.retention() })) {
      if (told.has(one.digest)) continue;
      excess -= one.bytes;
      yield one;
      if (excess <= 0) return;
    }
  }

  /** How far everything that is cached is over a size, in bytes. */
  async #excess(toBytes: number): Promise<number> {
    await this.#policy.refresh();
    return this.#policy.used - toBytes;
  }
}
