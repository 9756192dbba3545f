import { byteSizeText } from '../../../base/byte-size.ts';
import type { Repository } from '../../../oci/reference.ts';
import type { ContentStore } from '../../../store/content-store.ts';
import type { Evictions } from '../../../store/evictions.ts';
import { bytesOf, type Quota, type SizeLimit } from '../../space/limits.ts';
import { Quotas, scopeKey } from '../../space/quotas.ts';
import { freeFilesShare } from '../../space/space-policy.ts';

/** Of `storage.maxsize` so much is left, for the database to grow and for the next pulls. */
const margin = 0.01;

export interface AllowanceOptions {
  readonly content: Pick<ContentStore, 'room'>;
  readonly evictions: Pick<Evictions, 'usage' | 'usageOf'>;
  readonly maxsize: SizeLimit | undefined;
  readonly minfree: SizeLimit;
  readonly quotas: readonly Quota[];
}

/** Whether there is room for more without evicting anything: what came first would go for what comes next. */
export class Allowance {
  readonly #options: AllowanceOptions;
  readonly #quotas: Quotas;

  constructor(options: AllowanceOptions) {
    this.#options = options;
    this.#quotas = new Quotas(options.quotas);
  }

  /**
   * Why there is no room for a blob, or undefined.
   * @param size in bytes
   * @param isLinked whether it will take no more of the disk than it does now
   */
  async refusal(size: number, isLinked: boolean): Promise<string | undefined> {
    const { content, evictions, maxsize, minfree } = this.#options;
    const room = await content.room();
    if (maxsize !== undefined) {
      const most = bytesOf(maxsize, room.size);
      const { bytes, databaseBytes } = await evictions.usage();
      const taken = bytes + databaseBytes;
      if (taken + size > most * (1 - margin)) {
        return `storage.maxsize is ${byteSizeText(most)}, and ${byteSizeText(taken)} are taken`;
      }
    }
    const least = bytesOf(minfree, room.size);
    if (room.free - (isLinked ? 0 : size) < least) {
      return `storage.minfree is ${byteSizeText(least)}, and ${byteSizeText(room.free)} are free`;
    }
    return room.freeFiles < room.files * freeFilesShare ? 'the disk holds too many files' : undefined;
  }

  /** Why a repository may not hold so many more bytes, or undefined. */
  async quotaRefusal(repository: Repository, bytes: number): Promise<string | undefined> {
    for (const { scope, bytes: most } of this.#quotas.limitsOf(repository)) {
      if ((await this.#options.evictions.usageOf(scope)) + bytes > most) {
        return `does not fit into the quota of ${scopeKey(scope)}, ${byteSizeText(most)}`;
      }
    }
    return undefined;
  }
}
