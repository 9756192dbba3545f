import type { Repository } from '../../oci/reference.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Degradation } from '../degradation.ts';
import type { Disk } from './disk.ts';
import type { EvictionSteps } from './eviction-steps.ts';
import type { Leftovers } from './leftovers.ts';
import { scopeKey, type Quotas, type ScopeLimit } from './quotas.ts';
import type { Shortage, SpacePolicy } from './space-policy.ts';
import type { StoreHealth } from './store-health.ts';

/** Part of a quota by which a round frees more than it has to. */
const quotaSlackShare = 0.01;

export interface RoundsOptions {
  readonly steps: EvictionSteps;
  readonly policy: SpacePolicy;
  readonly quotas: Quotas;
  readonly leftovers: Leftovers;
  readonly disk: Disk;
  readonly health: StoreHealth;
  readonly degradation: Degradation;
  readonly logger: Logger;
}

/** Keeps the limits, round after round and never two at once, in the background. */
export class Rounds {
  readonly #steps: EvictionSteps;
  readonly #policy: SpacePolicy;
  readonly #quotas: Quotas;
  readonly #leftovers: Leftovers;
  readonly #disk: Disk;
  readonly #health: StoreHealth;
  readonly #degradation: Degradation;
  readonly #logger: Logger;
  /** Quotas that may be exceeded. */
  readonly #grown = new Map<string, ScopeLimit>();
  #underWay: Promise<void> | undefined;
  #again = false;
  #full = false;
  #closed = false;

  constructor(options: RoundsOptions) {
    this.#steps = options.steps;
    this.#policy = options.policy;
    this.#quotas = options.quotas;
    this.#leftovers = options.leftovers;
    this.#disk = options.disk;
    this.#health = options.health;
    this.#degradation = options.degradation;
    this.#logger = options.logger;
    this.#health.onFull(() => {
      this.#full = true;
      void this.makeRoom();
    });
  }

  /** Resolves when the limits are kept, or nothing more can go. Never rejects. */
  makeRoom(): Promise<void> {
    this.#again = true;
    this.#underWay ??= this.#repeat().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  /** More is held under a repository than before. */
  grown(repository: Repository): Promise<void> {
    for (const limit of this.#quotas.limitsOf(repository)) this.#grown.set(scopeKey(limit.scope), limit);
    return this.makeRoom();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#underWay;
  }

  async #repeat(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      await this.#degradation.tolerate(() => this.#round());
    }
  }

  async #round(): Promise<void> {
    for (const [key, limit] of this.#grown) {
      this.#grown.delete(key);
      await this.#keepQuota(limit);
    }
    await this.#policy.refresh();
    if (this.#full) await this.#emergency();
    else await this.#keepLimits();
  }

  async #keepLimits(): Promise<void> {
    const shortage = this.#policy.shortage();
    if (shortage === undefined) {
      this.#policy.loosen();
      this.#health.outOfRoom(undefined);
      return;
    }
    if (this.#policy.stuck) return;
    const { done, lasting } = await this.#free(shortage);
    await this.#policy.refresh();
    const left = this.#policy.shortage();
    if (left === undefined) {
      this.#health.outOfRoom(undefined);
    } else if (done && lasting) {
      this.#policy.stick();
      this.#health.outOfRoom(this.#policy.problem(left));
    }
  }

  async #emergency(): Promise<void> {
    this.#full = false;
    const { freed } = await this.#free(this.#policy.emergency());
    if (freed) await this.#health.probe();
  }

  /** Frees what is short and a little more: leftovers first, then images. */
  async #free({ limit, bytes, files, slack }: Shortage): Promise<FreeingOutcome> {
    const tally = { leftovers: 0, images: 0, blobs: 0, bytes: 0 };
    const isEnough = (): boolean => tally.bytes >= bytes && tally.leftovers + tally.blobs >= files;
    while (!isEnough()) {
      const removed = await this.#leftovers.removeOldest();
      if (removed === undefined) break;
      this.#disk.freed(removed.files, removed.bytes);
      tally.leftovers += removed.files;
      tally.bytes += removed.bytes;
    }
    const keeper = this.#steps.keeper();
    let done = false;
    // Files are counted image by image: an image may have one, or hundreds.
    while (!done && !isEnough() && !this.#closed) {
      for await (const eviction of this.#steps.run(
        { bytes: Math.max(1, bytes + slack - tally.bytes) },
        keeper,
      )) {
        tally.images += eviction.images.length;
        tally.blobs += eviction.blobs.length;
        tally.bytes += eviction.bytes;
        ({ done } = eviction);
      }
    }
    if (tally.leftovers + tally.blobs + tally.images > 0) {
      this.#logger.info({ limit, ...tally }, 'removed what was least recently used, to make room');
    }
    return {
      done,
      lasting: keeper.metPin || limit !== 'maxsize',
      freed: tally.leftovers + tally.blobs > 0,
    };
  }

  async #keepQuota(limit: ScopeLimit): Promise<void> {
    const excess = await this.#policy.excess(limit);
    if (excess === 0 || this.#policy.isStuck(limit)) return;
    const keeper = this.#steps.keeper();
    const tally = { images: 0, blobs: 0, bytes: 0 };
    const request = { scope: limit.scope, bytes: excess + limit.bytes * quotaSlackShare };
    for await (const eviction of this.#steps.run(request, keeper)) {
      tally.images += eviction.images.length;
      tally.blobs += eviction.blobs.length;
      tally.bytes += eviction.bytes;
    }
    const scope = scopeKey(limit.scope);
    if (tally.images > 0) this.#logger.info({ scope, ...tally }, 'evicted images, to keep a quota');
    const left = await this.#policy.excess(limit);
    if (left === 0 || !keeper.metPin) return;
    this.#policy.stickQuota(limit, left);
    this.#logger.warn({ scope, excess: left }, 'what is pinned takes more than the quota allows');
  }
}

interface FreeingOutcome {
  /** Nothing more could go. */
  readonly done: boolean;
  /** What stays would not have gone by itself a moment later. */
  readonly lasting: boolean;
  /** Anything has gone. */
  readonly freed: boolean;
}
