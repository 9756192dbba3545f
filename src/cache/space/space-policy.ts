import { byteSizeText } from '../../base/byte-size.ts';
import type { Clock } from '../../base/clock.ts';
import type { Repository } from '../../oci/reference.ts';
import type { Evictions, StoreUsage } from '../../store/evictions.ts';
import type { Room } from '../../store/content-store.ts';
import type { Disk } from './disk.ts';
import type { Leftovers } from './leftovers.ts';
import { bytesOf, type SizeLimit } from './limits.ts';
import { scopeKey, type Quotas, type ScopeLimit } from './quotas.ts';
import type { Reservations } from './reservations.ts';
import { roomAfterFull } from './store-health.ts';

/** Of the files that the disk can hold, so many stay free. */
export const freeFilesShare = 0.01;
/** A round frees this much more than it has to, so that not each commit starts one. */
const slackShare = 0.01;
/** How long it is not tried again after nothing could go. */
const stuckMs = 10_000;

/** What is asked of the cache's size. */
export interface SpaceLimits {
  /** What everything that is cached may take; undefined for whatever {@link minfree} leaves. */
  readonly maxsize: SizeLimit | undefined;
  /** What stays free on the disk. */
  readonly minfree: SizeLimit;
}

/** What has to go. */
export interface Shortage {
  readonly limit: 'maxsize' | 'minfree' | 'files';
  /** Bytes that images can take at most; Infinity where that depends on others, who share the disk. */
  readonly allowed: number;
  /** Bytes, at least. */
  readonly bytes: number;
  /** Files, at least. */
  readonly files: number;
  /** Bytes that had better go as well. */
  readonly slack: number;
}

export interface SpacePolicyOptions {
  readonly limits: SpaceLimits;
  readonly quotas: Quotas;
  readonly evictions: Pick<Evictions, 'usage' | 'usageOf'>;
  readonly disk: Disk;
  readonly leftovers: Leftovers;
  readonly reservations: Reservations;
  readonly clock: Clock;
}

/** How much is too much: what has to go, and what is not worth storing. */
export class SpacePolicy {
  readonly #limits: SpaceLimits;
  readonly #quotas: Quotas;
  readonly #evictions: Pick<Evictions, 'usage' | 'usageOf'>;
  readonly #disk: Disk;
  readonly #leftovers: Leftovers;
  readonly #reservations: Reservations;
  readonly #clock: Clock;
  #usage: StoreUsage = { blobs: 0, bytes: 0, manifests: 0, databaseBytes: 0 };
  /** Until when it is taken for granted that nothing more can go. */
  #stuckUntil = -Infinity;
  readonly #stuckQuotas = new Map<string, { readonly until: number; readonly used: number }>();

  constructor(options: SpacePolicyOptions) {
    this.#limits = options.limits;
    this.#quotas = options.quotas;
    this.#evictions = options.evictions;
    this.#disk = options.disk;
    this.#leftovers = options.leftovers;
    this.#reservations = options.reservations;
    this.#clock = options.clock;
  }

  /** What everything takes in bytes: blobs, partial and quarantined ones, the database, and what is still to arrive. */
  get used(): number {
    return this.#kept + this.#reservations.total;
  }

  /** Brings what it knows up to date. Rejects with StoreError. */
  async refresh(): Promise<void> {
    this.#usage = await this.#evictions.usage();
    await this.#disk.refresh();
  }

  /** The limit that is exceeded, as of the last {@link refresh}; undefined when all is well. */
  shortage(): Shortage | undefined {
    const room = this.#disk.room;
    const maxsize = this.#maxsize(room);
    if (maxsize !== undefined && this.used > maxsize) {
      const allowed = maxsize - this.#usage.databaseBytes;
      return { limit: 'maxsize', allowed, bytes: this.used - maxsize, files: 0, slack: maxsize * slackShare };
    }
    if (room === undefined) return undefined;
    const free = room.free - this.#reservations.unwritten;
    const minfree = bytesOf(this.#limits.minfree, room.size);
    if (free < minfree) {
      const slack = this.#usage.bytes * slackShare;
      return { limit: 'minfree', allowed: Infinity, bytes: minfree - free, files: 0, slack };
    }
    const freeFiles = Math.ceil(room.files * freeFilesShare);
    if (room.freeFiles < freeFiles) {
      return { limit: 'files', allowed: Infinity, bytes: 0, files: freeFiles - room.freeFiles, slack: 0 };
    }
    return undefined;
  }

  /** What to free when the disk has turned out to be full, whatever it says of itself: a user's share of it may be limited. */
  emergency(): Shortage {
    const room = this.#disk.room;
    const missing = room === undefined ? 0 : Math.max(0, roomAfterFull(room.size) - room.free);
    const bytes = Math.max(this.#reservations.unwritten + missing, 1);
    return { limit: 'minfree', allowed: Infinity, bytes, files: 1, slack: this.#usage.bytes * slackShare };
  }

  /** By how many bytes a scope is over its limit; 0 when it is not. Rejects with StoreError. */
  async excess({ scope, bytes }: ScopeLimit): Promise<number> {
    return Math.max(0, (await this.#evictions.usageOf(scope)) - bytes);
  }

  /** Why a blob of `size` bytes is not to be stored, for people; undefined when it is to be. */
  refusal(size: number, repository: Repository): string | undefined {
    const room = this.#disk.room;
    const maxsize = this.#maxsize(room);
    // While nothing more can go, what is kept takes room for good.
    const fixed = this.stuck ? this.#kept : this.#usage.databaseBytes;
    if (maxsize !== undefined && fixed + size > maxsize) {
      return `it does not fit into storage.maxsize (${byteSizeText(maxsize)})`;
    }
    if (room !== undefined) {
      const minfree = bytesOf(this.#limits.minfree, room.size);
      const canGo = this.stuck ? 0 : this.#kept - this.#usage.databaseBytes;
      if (room.free + canGo - this.#reservations.unwritten - size < minfree) {
        return `less than storage.minfree (${byteSizeText(minfree)}) would stay free`;
      }
      if (this.stuck && room.freeFiles < room.files * freeFilesShare) return 'the disk holds too many files';
    }
    return this.#overQuota(size, repository);
  }

  /** Whether nothing more could go a moment ago, because all that is left is pinned, or because nothing is. */
  get stuck(): boolean {
    return this.#clock.monotonic() < this.#stuckUntil;
  }

  /** Nothing more can go for now. */
  stick(): void {
    this.#stuckUntil = this.#clock.monotonic() + stuckMs;
  }

  /** Something may go again. */
  loosen(): void {
    this.#stuckUntil = -Infinity;
    this.#stuckQuotas.clear();
  }

  isStuck({ scope }: ScopeLimit): boolean {
    return (this.#stuckQuotas.get(scopeKey(scope))?.until ?? -Infinity) > this.#clock.monotonic();
  }

  /** Nothing more can go from a scope for now, which is `excess` bytes over its limit. */
  stickQuota({ scope, bytes }: ScopeLimit, excess: number): void {
    const until = this.#clock.monotonic() + stuckMs;
    this.#stuckQuotas.set(scopeKey(scope), { until, used: bytes + excess });
  }

  /** Why nothing new can be stored although all that may go has gone, for people. */
  problem({ limit }: Shortage): string {
    const room = this.#disk.room;
    if (limit === 'maxsize') {
      const maxsize = byteSizeText(this.#maxsize(room) ?? 0);
      return `nothing new is cached: what is pinned fills storage.maxsize (${maxsize}); unpin some of it, or raise storage.maxsize`;
    }
    if (limit === 'files') {
      return `nothing new is cached: the disk can hold only ${room?.freeFiles ?? 0} of its ${room?.files ?? 0} files more; remove some that are not the cache's`;
    }
    const minfree = byteSizeText(bytesOf(this.#limits.minfree, room?.size ?? 0));
    return `nothing new is cached: ${byteSizeText(room?.free ?? 0)} of the disk are free, storage.minfree asks for ${minfree}, and nothing more can be evicted; free some of the disk, or lower storage.minfree`;
  }

  get #kept(): number {
    return this.#usage.bytes + this.#usage.databaseBytes + this.#leftovers.bytes;
  }

  #maxsize(room: Room | undefined): number | undefined {
    const { maxsize } = this.#limits;
    if (maxsize === undefined || ('percent' in maxsize && room === undefined)) return undefined;
    return bytesOf(maxsize, room?.size ?? 0);
  }

  #overQuota(size: number, repository: Repository): string | undefined {
    for (const limit of this.#quotas.limitsOf(repository)) {
      const used = this.isStuck(limit) ? (this.#stuckQuotas.get(scopeKey(limit.scope))?.used ?? 0) : 0;
      if (used + size > limit.bytes) {
        return `it does not fit into the quota of ${scopeKey(limit.scope)} (${byteSizeText(limit.bytes)})`;
      }
    }
    return undefined;
  }
}
