import { byteSizeText } from '../../../base/byte-size.ts';
import type { Repository } from '../../../oci/reference.ts';
import type { ContentStore } from '../../../store/content-store.ts';
import type { Evictions } from '../../../store/evictions.ts';
import { judge, type Quota, type SpaceLimits } from '../../space/limits.ts';
import { Quotas, scopeKey } from '../../space/quotas.ts';

/** This share of `storage.maxsize` is left, for the database to grow and for the next pulls. */
const margin = 0.01;

export interface AllowanceDeps extends SpaceLimits {
  readonly content: Pick<ContentStore, 'room'>;
  readonly evictions: Pick<Evictions, 'usage' | 'usageOf'>;
  readonly quotas: readonly Quota[];
}

/** Whether there is room without eviction: an import must not evict what it has imported. */
export class Allowance {
  readonly #deps: AllowanceDeps;
  readonly #quotas: Quotas;

  constructor(deps: AllowanceDeps) {
    this.#deps = deps;
    this.#quotas = new Quotas(deps.quotas);
  }

  /**
   * Why there is no room for a blob, or undefined.
   * @param size in bytes
   * @param isLinked whether it takes no more of the disk than it does now
   */
  async refusal(size: number, isLinked: boolean): Promise<string | undefined> {
    const { content, evictions } = this.#deps;
    const room = await content.room();
    const { bytes, databaseBytes } = await evictions.usage();
    const used = bytes + databaseBytes;
    const arriving = { total: size, unwritten: isLinked ? 0 : size };
    const exceeded = judge(used, room, arriving, this.#deps).find(
      ({ limit, value, left }) => left < (limit === 'maxsize' ? value * margin : 0),
    );
    switch (exceeded?.limit) {
      case 'maxsize':
        return `storage.maxsize is ${byteSizeText(exceeded.value)}, and ${byteSizeText(used)} are taken`;
      case 'minfree':
        return `storage.minfree is ${byteSizeText(exceeded.value)}, and ${byteSizeText(room.free)} are free`;
      case 'files':
        return 'the disk holds too many files';
      case undefined:
        return undefined;
    }
  }

  /** Why a repository may not grow by `bytes`, or undefined. */
  async quotaRefusal(repository: Repository, bytes: number): Promise<string | undefined> {
    for (const { scope, bytes: most } of this.#quotas.limitsOf(repository)) {
      if ((await this.#deps.evictions.usageOf(scope)) + bytes > most) {
        return `does not fit into the quota of ${scopeKey(scope)}, ${byteSizeText(most)}`;
      }
    }
    return undefined;
  }
}
