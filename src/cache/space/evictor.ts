import type { Clock } from '../../base/clock.ts';
import type { ManifestReference, Repository } from '../../oci/reference.ts';
import type { EvictedBlob, EvictedImage, Eviction, Evictions } from '../../store/evictions.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Degradation } from '../degradation.ts';
import type { EvictionSteps } from './eviction-steps.ts';
import { EvictionTotals } from './eviction-totals.ts';
import type { Leftovers } from './leftovers.ts';
import type { Pins } from './pins.ts';
import type { SpacePolicy } from './space-policy.ts';

export interface EvictorDeps {
  readonly evictions: Evictions;
  readonly steps: EvictionSteps;
  readonly policy: SpacePolicy;
  readonly pins: Pins;
  readonly leftovers: Leftovers;
  readonly degradation: Degradation;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds since its last use after which content is evicted; 0: never. */
  readonly ttlMs: number;
}

/** Conditions for {@link Evictor.prune}, of which at least one is given. */
export interface PruneRequest {
  /** Evicts images until everything that is cached takes at most this many bytes. */
  readonly toBytes?: number | undefined;
  /** Evicts images that were last used before then, in milliseconds since the epoch. */
  readonly unusedBefore?: number | undefined;
  /** Reports what would be evicted, and changes nothing. */
  readonly dryRun: boolean;
}

/** Evicts images for their age and on demand. No pull waits for it. */
export class Evictor {
  readonly #deps: EvictorDeps;

  constructor(deps: EvictorDeps) {
    this.#deps = deps;
  }

  /** What was evicted since the start, for whatever reason. */
  get evicted(): { readonly images: number; readonly bytes: number } {
    return this.#deps.steps.evicted;
  }

  /** Calls `listener` with what was removed from the database, before any other code runs. */
  onEviction(listener: (eviction: Eviction) => void): void {
    this.#deps.steps.onEviction(listener);
  }

  /** Evicts what was not used for the ttl. Never rejects. */
  async expire(): Promise<void> {
    const { steps, degradation, clock, logger, ttlMs } = this.#deps;
    if (ttlMs === 0) return;
    const totals = new EvictionTotals();
    await degradation.tolerate(async () => {
      for await (const eviction of steps.run({ before: clock.now() - ttlMs })) totals.add(eviction);
    });
    if (totals.images + totals.blobs > 0) {
      logger.info(totals.counts, 'evicted what was not used for proxy.ttl');
    }
  }

  /**
   * The pattern that protects what a reference names from removal: it matches that, an image that it belongs
   * to, or a part of it. Undefined when there is none, or nothing is cached. Rejects with StoreError.
   */
  async pinnedBy(repository: Repository, reference: ManifestReference): Promise<string | undefined> {
    const { evictions, pins } = this.#deps;
    await pins.load();
    for (const { digest, tags } of await evictions.affected(repository, reference)) {
      const pattern = pins.patternOf(repository, tags, digest);
      if (pattern !== undefined) return pattern;
    }
    return undefined;
  }

  /**
   * Removes an image, pinned or not, and its bytes. Undefined when the repository does not have it. Rejects
   * with StoreError.
   */
  async remove(repository: Repository, reference: ManifestReference): Promise<Eviction | undefined> {
    const { evictions, steps, policy } = this.#deps;
    const retention = steps.retention();
    const eviction = await steps.withRoom(() => evictions.remove(repository, reference, retention));
    if (eviction === undefined) return undefined;
    policy.loosen();
    await steps.carryOut(eviction);
    return eviction;
  }

  /**
   * Evicts images until all conditions hold or nothing more can be evicted, and yields each. What is pinned
   * or in use stays. Blobs that no image needs are evicted, too, and yielded in a dry run. Rejects with
   * StoreError.
   */
  prune(request: PruneRequest): AsyncIterable<EvictedImage | EvictedBlob> {
    return request.dryRun ? this.#planned(request) : this.#pruned(request);
  }

  async *#pruned({ toBytes, unusedBefore }: PruneRequest): AsyncIterable<EvictedImage> {
    const { steps, leftovers } = this.#deps;
    if (unusedBefore !== undefined) {
      for await (const { images } of steps.run({ before: unusedBefore })) yield* images;
    }
    if (toBytes === undefined) return;
    while ((await this.#excess(toBytes)) > 0) {
      if ((await leftovers.removeOldest()) === undefined) break;
    }
    for (;;) {
      const excess = await this.#excess(toBytes);
      if (excess <= 0) return;
      let done = true;
      for await (const eviction of steps.run({ bytes: excess })) {
        yield* eviction.images;
        ({ done } = eviction);
      }
      if (done) return;
    }
  }

  async *#planned({ toBytes, unusedBefore }: PruneRequest): AsyncIterable<EvictedImage | EvictedBlob> {
    const { evictions, steps, pins, leftovers } = this.#deps;
    await pins.load();
    const yielded = new Set<string>();
    await leftovers.refresh();
    let excess = toBytes === undefined ? 0 : (await this.#excess(toBytes)) - leftovers.bytes;
    if (unusedBefore !== undefined) {
      for await (const one of evictions.plan({ before: unusedBefore, retention: steps.retention() })) {
        yielded.add(one.digest);
        excess -= one.bytes;
        yield one;
      }
    }
    if (excess <= 0) return;
    for await (const one of evictions.plan({ retention: steps.retention() })) {
      if (yielded.has(one.digest)) continue;
      excess -= one.bytes;
      yield one;
      if (excess <= 0) return;
    }
  }

  /** By how many bytes everything that is cached exceeds a size. */
  async #excess(toBytes: number): Promise<number> {
    await this.#deps.policy.refresh();
    return this.#deps.policy.used - toBytes;
  }
}
