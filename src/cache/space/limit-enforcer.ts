import { pause, type Clock } from '../../base/clock.ts';
import { repositoryKey, type Repository } from '../../oci/reference.ts';
import type { Eviction } from '../../store/evictions.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Degradation } from '../degradation.ts';
import type { Disk } from './disk.ts';
import type { EvictionSteps } from './eviction-steps.ts';
import type { Leftovers } from './leftovers.ts';
import { scopeKey, type Quotas, type ScopeLimit } from './quotas.ts';
import type { Shortage, SpacePolicy } from './space-policy.ts';
import type { StoreHealth } from './store-health.ts';
import { EvictionTotals } from './eviction-totals.ts';

/** Part of a quota by which a round frees more than it has to. */
const quotaSlackShare = 0.01;
/** How long it takes until it is tried again to evict what was in use. */
const inUseMs = 1000;

export interface LimitEnforcerDeps {
  readonly steps: EvictionSteps;
  readonly policy: SpacePolicy;
  readonly quotas: Quotas;
  readonly leftovers: Leftovers;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly health: StoreHealth;
  readonly degradation: Degradation;
  readonly logger: Logger;
}

/** Keeps the limits, round after round and never two at once, in the background. */
export class LimitEnforcer {
  readonly #steps: EvictionSteps;
  readonly #policy: SpacePolicy;
  readonly #quotas: Quotas;
  readonly #leftovers: Leftovers;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #health: StoreHealth;
  readonly #degradation: Degradation;
  readonly #logger: Logger;
  /** Quotas that may be exceeded. */
  readonly #grown = new Map<string, ScopeLimit>();
  #underWay: Promise<void> | undefined;
  #again = false;
  #full = false;
  /** Whether something would have gone in this round that was in use. */
  #metUse = false;
  #waits = false;
  readonly #closing = new AbortController();

  constructor(options: LimitEnforcerDeps) {
    this.#steps = options.steps;
    this.#policy = options.policy;
    this.#quotas = options.quotas;
    this.#leftovers = options.leftovers;
    this.#disk = options.disk;
    this.#clock = options.clock;
    this.#health = options.health;
    this.#degradation = options.degradation;
    this.#logger = options.logger;
  }

  /** Has room made whenever the disk turns out to be full, from now on. */
  watch(): void {
    this.#health.onFull(() => {
      this.#full = true;
      this.#disk.doubt();
      void this.makeRoom();
    });
    this.#health.onRecovery(() => {
      this.#disk.doubt();
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
    this.#closing.abort();
    await this.#underWay;
  }

  async #repeat(): Promise<void> {
    while (this.#again && !this.#closing.signal.aborted) {
      this.#again = false;
      this.#metUse = false;
      await this.#degradation.tolerate(() => this.#round());
    }
    if (this.#metUse) void this.#tryAgain();
  }

  /** What is in use may have been let go of a moment later, and nobody says so. */
  async #tryAgain(): Promise<void> {
    if (this.#waits) return;
    this.#waits = true;
    const isOpen = await pause(this.#clock, inUseMs, this.#closing.signal);
    this.#waits = false;
    if (isOpen) await this.makeRoom();
  }

  async #round(): Promise<void> {
    for (const [key, limit] of new Map(this.#grown)) {
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
    const { done, passing, lasting } = await this.#free(shortage);
    await this.#policy.refresh();
    const left = this.#policy.shortage();
    if (left === undefined) {
      this.#health.outOfRoom(undefined);
      return;
    }
    this.#metUse ||= done && passing;
    if (done && lasting) {
      this.#policy.stick();
      this.#health.outOfRoom(this.#policy.problem(left));
    }
  }

  async #emergency(): Promise<void> {
    this.#full = false;
    const { freed } = await this.#free(this.#policy.emergency());
    if (!freed) return;
    await this.#health.probe();
    // Some disks take seconds to give back what was removed: until the next probe it is enough.
    this.#full = false;
  }

  /** Frees what is short and a little more: leftovers first, then images. */
  async #free({ limit, allowed, bytes, files, slack }: Shortage): Promise<FreeingOutcome> {
    const totals = new EvictionTotals();
    let leftovers = 0;
    const isEnough = (): boolean => totals.bytes >= bytes && leftovers + totals.blobs >= files;
    while (!isEnough()) {
      const removed = await this.#leftovers.removeOldest();
      if (removed === undefined) break;
      this.#disk.freed(removed.files, removed.bytes);
      leftovers += removed.files;
      totals.bytes += removed.bytes;
    }
    const retention = this.#steps.retention();
    let done = false;
    // Files are counted image by image: an image may have one, or hundreds.
    while (!done && !isEnough() && !this.#closing.signal.aborted) {
      for await (const eviction of this.#steps.run(
        { bytes: Math.max(1, bytes + slack - totals.bytes) },
        retention,
      )) {
        totals.add(eviction);
        this.#tellOfTooLarge(eviction, `storage.${limit}`, allowed);
        ({ done } = eviction);
      }
    }
    if (leftovers + totals.blobs + totals.images > 0) {
      this.#logger.info(
        { limit, leftovers, ...totals.counts },
        'removed what was least recently used, to make room',
      );
    }
    return {
      done,
      passing: retention.metUse,
      lasting: retention.metPin || (limit !== 'maxsize' && !retention.metUse),
      freed: leftovers + totals.blobs > 0,
    };
  }

  /** Nobody would guess why what they have just pulled is not cached, and why nothing else is either. */
  #tellOfTooLarge({ images }: Eviction, limit: string, allowed: number): void {
    for (const { repository, tags, digest, bytes } of images) {
      if (bytes <= allowed) continue;
      const [tag] = tags;
      const image = `${repositoryKey(repository)}${tag === undefined ? `@${digest}` : `:${tag}`}`;
      this.#logger.warn(
        { image, bytes, allowed },
        `an image that is larger than all that ${limit} allows cannot be kept, and others had to go for it`,
      );
    }
  }

  async #keepQuota(limit: ScopeLimit): Promise<void> {
    const excess = await this.#policy.excess(limit);
    if (excess === 0 || this.#policy.isStuck(limit)) return;
    const scope = scopeKey(limit.scope);
    const retention = this.#steps.retention();
    const totals = new EvictionTotals();
    const request = { scope: limit.scope, bytes: excess + limit.bytes * quotaSlackShare };
    for await (const eviction of this.#steps.run(request, retention)) {
      totals.add(eviction);
      this.#tellOfTooLarge(eviction, `the quota of ${scope}`, limit.bytes);
    }
    if (totals.images > 0) this.#logger.info({ scope, ...totals.counts }, 'evicted images, to keep a quota');
    const left = await this.#policy.excess(limit);
    if (left === 0) return;
    if (retention.metUse) {
      this.#metUse = true;
      this.#grown.set(scope, limit);
    }
    if (!retention.metPin) return;
    this.#policy.stickQuota(limit, left);
    this.#logger.warn({ scope, excess: left }, 'what is pinned takes more than the quota allows');
  }
}

interface FreeingOutcome {
  /** Nothing more could go. */
  readonly done: boolean;
  /** Some of what stays would go once it is not in use any more. */
  readonly passing: boolean;
  /** What stays would not have gone by itself a moment later. */
  readonly lasting: boolean;
  /** Anything has gone. */
  readonly freed: boolean;
}
