import { setImmediate as turn } from 'node:timers/promises';
import type { Digest } from '../../oci/digest.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { Evictions } from '../../store/evictions.ts';
import type { InUse } from '../in-use.ts';
import type { Disk } from './disk.ts';

/** Files removed at once: enough to keep the disk busy, few enough to leave it to others. */
const atOnce = 4;
/** Condemned blobs that are asked for at a time. */
const page = 100;

/** Removes the bytes of condemned blobs, the second half of an eviction. */
export class Remover {
  readonly #content: ContentStore;
  readonly #evictions: Evictions;
  readonly #inUse: InUse;
  readonly #disk: Disk;

  constructor(content: ContentStore, evictions: Evictions, inUse: InUse, disk: Disk) {
    this.#content = content;
    this.#evictions = evictions;
    this.#inUse = inUse;
    this.#disk = disk;
  }

  /** Removes those that are not wanted again by now; what is left behind is for {@link workOff}. Rejects with StoreError. */
  async remove(digests: readonly Digest[], signal: AbortSignal): Promise<number> {
    const removed: Digest[] = [];
    try {
      for (let at = 0; at < digests.length && !signal.aborted; at += atOnce) {
        const some = digests.slice(at, at + atOnce);
        const outcomes = await Promise.all(some.map((digest) => this.#remove(digest)));
        removed.push(...some.filter((_, index) => outcomes[index] === true));
        await turn();
      }
    } finally {
      // Once for all of them: each write to the database is flushed to the disk.
      if (removed.length > 0) await this.#evictions.forgetCondemned(removed);
    }
    return removed.length;
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
    return true;
  }
}
