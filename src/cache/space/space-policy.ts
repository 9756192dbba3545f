import { byteSizeText } from '../../base/byte-size.ts';
import type { Clock } from '../../base/clock.ts';
import type { Repository } from '../../oci/reference.ts';
import type { Evictions, Scope, StoreUsage } from '../../store/evictions.ts';
import type { Disk } from './disk.ts';
import type { Leftovers } from './leftovers.ts';
import { judge, type Headroom, type SpaceLimits } from './limits.ts';
import { scopeKey, type Quotas, type ScopeLimit } from './quotas.ts';
import type { Reservations } from './reservations.ts';
import { roomAfterFull } from './store-health.ts';

/** A round frees this much more than it has to, so that not each commit starts one. */
const slackShare = 0.01;
/** How long eviction is not tried again after nothing could be evicted. */
const stuckMs = 10_000;

/** What has to be freed. */
export interface Shortage extends Pick<Headroom, 'limit' | 'value'> {
  /** Bytes that images can take at most; Infinity where that depends on other users of the disk. */
  readonly allowed: number;
  /** Bytes, at least. */
  readonly bytes: number;
  /** Files, at least. */
  readonly files: number;
  /** Further bytes that had better be freed as well. */
  readonly slack: number;
}

export interface SpacePolicyDeps {
  readonly limits: SpaceLimits;
  readonly quotas: Quotas;
  readonly evictions: Pick<Evictions, 'usage' | 'usageOf'>;
  readonly disk: Disk;
  readonly leftovers: Leftovers;
  readonly reservations: Reservations;
  readonly clock: Clock;
}

/** How much is too much: what has to be freed, and what is not worth storing. */
export class SpacePolicy {
  readonly #deps: SpacePolicyDeps;
  #usage: StoreUsage = { blobs: 0, bytes: 0, manifests: 0, databaseBytes: 0 };
  /**
   * Scopes from which nothing more can be evicted for now, and the bytes that stay there. '' is the whole
   * cache.
   */
  readonly #stuck = new Map<string, { readonly until: number; readonly used: number }>();

  constructor(deps: SpacePolicyDeps) {
    this.#deps = deps;
  }

  /** Bytes of blobs, partial and quarantined ones, the database, and what is still to arrive. */
  get used(): number {
    return this.#kept + this.#deps.reservations.total;
  }

  /** Brings {@link used} and what it knows of the disk up to date. Rejects with StoreError. */
  async refresh(): Promise<void> {
    this.#usage = await this.#deps.evictions.usage();
    await this.#deps.disk.refresh();
  }

  /** What exceeds a limit, as of the last {@link refresh}. */
  shortage(): Shortage | undefined {
    const { disk, reservations, limits } = this.#deps;
    const exceeded = judge(this.#kept, disk.room, reservations, limits).find(({ left }) => left < 0);
    if (exceeded === undefined) return undefined;
    const { limit, value, left } = exceeded;
    const slack = this.#usage.bytes * slackShare;
    const shortage = { limit, value, allowed: Infinity, bytes: -left, files: 0, slack };
    if (limit === 'minfree') return shortage;
    if (limit === 'files') return { ...shortage, bytes: 0, files: -left, slack: 0 };
    return { ...shortage, allowed: value - this.#usage.databaseBytes, slack: value * slackShare };
  }

  /**
   * What to free once the disk turns out to be full, whatever it reports: there may be a quota for this user.
   */
  emergency(): Shortage {
    const { disk, reservations } = this.#deps;
    const missing = disk.room === undefined ? 0 : Math.max(0, roomAfterFull(disk.room.size) - disk.room.free);
    const bytes = Math.max(reservations.unwritten + missing, 1);
    const slack = this.#usage.bytes * slackShare;
    return { limit: 'minfree', value: 0, allowed: Infinity, bytes, files: 1, slack };
  }

  /** By how many bytes a scope is over its limit; 0 when it is not. Rejects with StoreError. */
  async excess({ scope, bytes }: ScopeLimit): Promise<number> {
    return Math.max(0, (await this.#deps.evictions.usageOf(scope)) - bytes);
  }

  /** Why a blob of `size` bytes is not to be stored, for people; undefined when it is to be. */
  refusal(size: number, repository: Repository): string | undefined {
    const exceeded = this.#exceeded(size);
    if (exceeded !== undefined) return describeRefusal(exceeded);
    return this.#overQuota(repository, (scope) => (this.#stuckAt(scope) ?? 0) + size);
  }

  /**
   * Why images are not to be kept together that a repository has some of, for people.
   * @param bytesIn what they take in all, or in one scope
   */
  refusalTogether(repository: Repository, bytesIn: (scope?: Scope) => number): string | undefined {
    const { disk, limits } = this.#deps;
    const fixed = this.#usage.databaseBytes;
    const room = disk.room && { ...disk.room, free: disk.room.free + this.#kept - fixed };
    const total = bytesIn();
    // Files are few for what they hold, and are counted as they come.
    const exceeded = judge(fixed, room, { total, unwritten: total }, limits).find(
      ({ limit, left }) => limit !== 'files' && left < 0,
    );
    return exceeded === undefined ? this.#overQuota(repository, bytesIn) : describeRefusal(exceeded);
  }

  /** The limit that a further blob of `size` bytes would exceed, even with all evicted that can be. */
  #exceeded(size: number): Headroom | undefined {
    const { disk, reservations, limits } = this.#deps;
    const { databaseBytes } = this.#usage;
    const stuck = this.isStuck();
    // Everything but the database can be evicted, unless nothing could a moment ago.
    const fixed = stuck ? this.#kept : databaseBytes;
    const room = disk.room && {
      ...disk.room,
      free: disk.room.free + this.#kept - fixed,
      freeFiles: stuck ? disk.room.freeFiles : Infinity,
    };
    const arriving = { total: size, unwritten: reservations.unwritten + size };
    return judge(fixed, room, arriving, limits).find(({ left }) => left < 0);
  }

  /** Whether nothing more could be evicted a moment ago, from a scope or at all. */
  isStuck(scope?: Scope): boolean {
    return this.#stuckAt(scope) !== undefined;
  }

  /** Nothing more can be evicted for now, from a scope, in which `used` bytes stay, or at all. */
  stick(scope?: Scope, used = 0): void {
    this.#stuck.set(keyOf(scope), { until: this.#deps.clock.monotonic() + stuckMs, used });
  }

  /** Something can be evicted again. */
  loosen(): void {
    this.#stuck.clear();
  }

  /** Why nothing new can be stored although everything was evicted that can be, for people. */
  problem({ limit, value }: Shortage): string {
    const { free = 0, files = 0, freeFiles = 0 } = this.#deps.disk.room ?? {};
    const text = byteSizeText(value);
    switch (limit) {
      case 'maxsize':
        return `nothing new is cached: what is pinned fills storage.maxsize (${text}); unpin some of it, or raise storage.maxsize`;
      case 'minfree':
        return `nothing new is cached: ${byteSizeText(free)} of the disk are free, storage.minfree asks for ${text}, and nothing more can be evicted; free some of the disk, or lower storage.minfree`;
      case 'files':
        return `nothing new is cached: the disk can hold only ${freeFiles} of its ${files} files more; remove some that are not the cache's`;
    }
  }

  get #kept(): number {
    return this.#usage.bytes + this.#usage.databaseBytes + this.#deps.leftovers.bytes;
  }

  #stuckAt(scope?: Scope): number | undefined {
    const stuck = this.#stuck.get(keyOf(scope));
    return stuck !== undefined && stuck.until > this.#deps.clock.monotonic() ? stuck.used : undefined;
  }

  #overQuota(repository: Repository, bytesIn: (scope: Scope) => number): string | undefined {
    const limits = this.#deps.quotas.limitsOf(repository);
    const over = limits.find(({ scope, bytes }) => bytesIn(scope) > bytes);
    return over && `it does not fit into the quota of ${scopeKey(over.scope)} (${byteSizeText(over.bytes)})`;
  }
}

function keyOf(scope: Scope | undefined): string {
  return scope === undefined ? '' : scopeKey(scope);
}

function describeRefusal({ limit, value }: Headroom): string {
  switch (limit) {
    case 'maxsize':
      return `it does not fit into storage.maxsize (${byteSizeText(value)})`;
    case 'minfree':
      return value === 0
        ? 'the disk has no room for it'
        : `less than storage.minfree (${byteSizeText(value)}) would stay free`;
    case 'files':
      return 'the disk holds too many files';
  }
}
