import { pause, type Clock } from '../../base/clock.ts';
import { repositoryKey, type Repository } from '../../oci/reference.ts';
import type { Eviction } from '../../store/evictions.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Degradation } from '../degradation.ts';
import type { Disk } from './disk.ts';
import type { EvictionSteps } from './eviction-steps.ts';
import { EvictionTotals } from './eviction-totals.ts';
import type { Leftovers } from './leftovers.ts';
import { scopeKey, type Quotas, type ScopeLimit } from './quotas.ts';
import type { Shortage, SpacePolicy } from './space-policy.ts';
import type { StoreHealth } from './store-health.ts';

/** Part of a quota by which a round frees more than it has to. */
const quotaSlackShare = 0.01;
/** How long it takes until eviction of what was in use is tried again. */
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

/** Enforces the limits in the background, in rounds, one at a time. */
export class LimitEnforcer implements AsyncDisposable {
  readonly #deps: LimitEnforcerDeps;
  /** Quotas that may be exceeded. */
  readonly #grown = new Map<string, ScopeLimit>();
  #underWay: Promise<void> | undefined;
  #again = false;
  #full = false;
  /** Whether this round met something in use that it would have evicted. */
  #metUse = false;
  #waits = false;
  readonly #closing = new AbortController();

  constructor(deps: LimitEnforcerDeps) {
    this.#deps = deps;
  }

  /** From now on makes room whenever the disk turns out to be full. */
  watch(): void {
    const { health, disk } = this.#deps;
    health.onFull(() => {
      this.#full = true;
      disk.doubt();
      void this.makeRoom();
    });
    health.onRecovery(() => {
      disk.doubt();
      void this.makeRoom();
    });
  }

  /** Resolves when the limits hold, or nothing more can be evicted. Never rejects. */
  makeRoom(): Promise<void> {
    this.#again = true;
    this.#underWay ??= this.#repeat().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  /** As {@link makeRoom}, after a repository has grown: its quotas count, too. */
  grown(repository: Repository): Promise<void> {
    const limits = this.#deps.quotas.limitsOf(repository);
    for (const limit of limits) this.#grown.set(scopeKey(limit.scope), limit);
    return this.makeRoom();
  }

  /** Ends the round under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#underWay;
  }

  async #repeat(): Promise<void> {
    while (this.#again && !this.#closing.signal.aborted) {
      this.#again = false;
      this.#metUse = false;
      await this.#deps.degradation.tolerate(() => this.#round());
    }
    if (this.#metUse) void this.#tryAgain();
  }

  /** What is in use may be released a moment later, without notice. */
  async #tryAgain(): Promise<void> {
    if (this.#waits) return;
    this.#waits = true;
    const isOpen = await pause(this.#deps.clock, inUseMs, this.#closing.signal);
    this.#waits = false;
    if (isOpen) await this.makeRoom();
  }

  async #round(): Promise<void> {
    for (const [key, limit] of new Map(this.#grown)) {
      this.#grown.delete(key);
      await this.#enforceQuota(limit);
    }
    await this.#deps.policy.refresh();
    if (this.#full) await this.#emergency();
    else await this.#enforceLimits();
  }

  async #enforceLimits(): Promise<void> {
    const { policy, health } = this.#deps;
    const shortage = policy.shortage();
    if (shortage === undefined) {
      policy.loosen();
      health.outOfRoom(undefined);
      return;
    }
    if (policy.isStuck()) return;
    const { done, metUse, isStuck } = await this.#free(shortage);
    await policy.refresh();
    const left = policy.shortage();
    if (left === undefined) {
      health.outOfRoom(undefined);
      return;
    }
    this.#metUse ||= done && metUse;
    if (done && isStuck) {
      policy.stick();
      health.outOfRoom(policy.problem(left));
    }
  }

  async #emergency(): Promise<void> {
    this.#full = false;
    const { freed } = await this.#free(this.#deps.policy.emergency());
    if (!freed) return;
    await this.#deps.health.probe();
    // Some disks take seconds to give back what was removed: until the next probe it is enough.
    this.#full = false;
  }

  /** Frees what is short and a little more: leftovers first, then images. */
  async #free({ limit, allowed, bytes, files, slack }: Shortage): Promise<FreeingOutcome> {
    const { leftovers, disk, steps, logger } = this.#deps;
    const totals = new EvictionTotals();
    let removedLeftovers = 0;
    const isEnough = (): boolean => totals.bytes >= bytes && removedLeftovers + totals.blobs >= files;
    while (!isEnough()) {
      const removed = await leftovers.removeOldest();
      if (removed === undefined) break;
      disk.freed(removed.files, removed.bytes);
      removedLeftovers += removed.files;
      totals.bytes += removed.bytes;
    }
    const retention = steps.retention();
    let done = false;
    // Files are counted image by image: an image may have one, or hundreds.
    while (!done && !isEnough() && !this.#closing.signal.aborted) {
      const request = { bytes: Math.max(1, bytes + slack - totals.bytes) };
      for await (const eviction of steps.run(request, retention)) {
        totals.add(eviction);
        this.#warnOfTooLarge(eviction, `storage.${limit}`, allowed);
        ({ done } = eviction);
      }
    }
    if (removedLeftovers + totals.blobs + totals.images > 0) {
      logger.info(
        { limit, leftovers: removedLeftovers, ...totals.counts },
        'removed what was least recently used, to make room',
      );
    }
    const { metUse, metPin } = retention;
    const isStuck = metPin || (limit !== 'maxsize' && !metUse);
    return { done, metUse, isStuck, freed: removedLeftovers + totals.blobs > 0 };
  }

  /** Explains why what was just pulled is not cached, and why nothing else is either. */
  #warnOfTooLarge({ images }: Eviction, limit: string, allowed: number): void {
    for (const { repository, tags, digest, bytes } of images) {
      if (bytes <= allowed) continue;
      const [tag] = tags;
      const image = `${repositoryKey(repository)}${tag === undefined ? `@${digest}` : `:${tag}`}`;
      this.#deps.logger.warn(
        { image, bytes, allowed },
        `an image that is larger than all that ${limit} allows cannot be kept, and others had to go for it`,
      );
    }
  }

  async #enforceQuota(limit: ScopeLimit): Promise<void> {
    const { policy, steps, logger } = this.#deps;
    const excess = await policy.excess(limit);
    if (excess === 0 || policy.isStuck(limit.scope)) return;
    const scope = scopeKey(limit.scope);
    const retention = steps.retention();
    const totals = new EvictionTotals();
    const request = { scope: limit.scope, bytes: excess + limit.bytes * quotaSlackShare };
    for await (const eviction of steps.run(request, retention)) {
      totals.add(eviction);
      this.#warnOfTooLarge(eviction, `the quota of ${scope}`, limit.bytes);
    }
    if (totals.images > 0) logger.info({ scope, ...totals.counts }, 'evicted images, to keep a quota');
    const left = await policy.excess(limit);
    if (left === 0) return;
    if (retention.metUse) {
      this.#metUse = true;
      this.#grown.set(scope, limit);
    }
    if (!retention.metPin) return;
    policy.stick(limit.scope, limit.bytes + left);
    logger.warn({ scope, excess: left }, 'what is pinned takes more than the quota allows');
  }
}

interface FreeingOutcome {
  /** Nothing more could be evicted. */
  readonly done: boolean;
  /** Some of what stays can be evicted once it is no longer in use. */
  readonly metUse: boolean;
  /** What stays cannot be evicted a moment later either. */
  readonly isStuck: boolean;
  readonly freed: boolean;
}
