import type { Digest } from '../../oci/digest.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { Evictions } from '../../store/evictions.ts';
import type { InUse } from '../in-use.ts';
import { Limiter } from '../../base/limiter.ts';
import type { Disk } from './disk.ts';

/**
 * Files removed at once: on a busy disk each waits a tenth of a second for its turn, and what goes has to keep up with what comes.
 */
const atOnce = 16;
/** Condemned blobs that are asked for at a time. */
const page = 100;

/** Removes the bytes of condemned blobs, the second half of an eviction. */
export class Remover {
  readonly #content: ContentStore;
  readonly #evictions: Evictions;
  readonly #inUse: InUse;
  readonly #disk: Disk;
  readonly #limiter = new Limiter(atOnce);

  constructor(content: ContentStore, evictions: Evictions, inUse: InUse, disk: Disk) {
    this.#content = content;
    this.#evictions = evictions;
    this.#inUse = inUse;
    this.#disk = disk;
  }

  /**
   * Removes those that are not wanted again by now; what is left behind is for {@link workOff}. Resolves to how many are
   * gone. Rejects with StoreError.
   */
  async remove(digests: readonly Digest[], signal: AbortSignal): Promise<number> {
    const outcomes = await Promise.allSettled(
      digests.map((digest) => this.#limiter.run(async () => !signal.aborted && (await this.#remove(digest)))),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value).length;
  }

  /** Removes what a crash, or trouble, has left condemned. Rejects with StoreError. */
  async workOff(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const left = await this.#evictions.condemned(page);
      if (left.length === 0 || (await this.remove(left, signal)) === 0) return;
    }
  }

  async #remove(digest: Digest): Promise<boolean> {
    const size = (await this.#content.size(digest)) ?? 0;
    // Whoever stores it anew holds it, before and after: a blob that is condemned and held by nobody stays condemned.
    if (this.#inUse.has(digest) || !(await this.#evictions.isCondemned(digest))) return false;
    if (this.#inUse.has(digest)) return false;
    if (await this.#content.remove(digest)) this.#disk.freed(1, size);
    // At once: later it might be another eviction's, of the same blob that was fetched again in between.
    await this.#evictions.forgetCondemned(digest);
    return true;
  }
}
