import { Limiter } from '../../base/limiter.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { Evictions } from '../../store/evictions.ts';
import type { InUse } from '../in-use.ts';
import type { Disk } from './disk.ts';

/** Removals at a time: on a busy disk each takes a tenth of a second, and they have to keep up with fills. */
const atOnce = 16;
const pageLength = 100;

export interface RemoverDeps {
  readonly content: Pick<ContentStore, 'size' | 'remove'>;
  readonly evictions: Pick<Evictions, 'condemned' | 'isCondemned' | 'forgetCondemned'>;
  readonly inUse: InUse;
  readonly disk: Disk;
}

/** Removes the bytes of condemned blobs, the second half of an eviction. */
export class Remover {
  readonly #deps: RemoverDeps;
  readonly #limiter = new Limiter(atOnce);

  constructor(deps: RemoverDeps) {
    this.#deps = deps;
  }

  /**
   * Removes blobs that are not in use or stored anew by now; the rest is for {@link workOff}. Resolves to how
   * many were removed. Rejects with StoreError.
   */
  async remove(digests: readonly Digest[], signal: AbortSignal): Promise<number> {
    const outcomes = await Promise.allSettled(
      digests.map((digest) => this.#limiter.run(async () => !signal.aborted && (await this.#remove(digest)))),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value).length;
  }

  /** Removes what a crash or a failure has left condemned. Rejects with StoreError. */
  async workOff(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const left = await this.#deps.evictions.condemned(pageLength);
      if (left.length === 0 || (await this.remove(left, signal)) === 0) return;
    }
  }

  async #remove(digest: Digest): Promise<boolean> {
    const { content, evictions, inUse, disk } = this.#deps;
    const size = (await content.size(digest)) ?? 0;
    // A fill uses the blob before and after it stores it: what is condemned and not in use stays condemned.
    if (inUse.has(digest) || !(await evictions.isCondemned(digest))) return false;
    if (inUse.has(digest)) return false;
    if (await content.remove(digest)) disk.freed(1, size);
    // At once: later it might be another eviction's, of the same blob that was fetched again in between.
    await evictions.forgetCondemned(digest);
    return true;
  }
}
