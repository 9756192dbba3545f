import { setImmediate as turn } from 'node:timers/promises';
import type { ContentStore } from '../../store/content-store.ts';
import type { Eviction, EvictionRequest, Evictions } from '../../store/evictions.ts';
import { StoreError } from '../../store/store-error.ts';
import type { Degradation } from '../degradation.ts';
import type { InUse } from '../in-use.ts';
import type { Pins } from './pins.ts';
import type { Remover } from './remover.ts';
import { RecordingRetention } from './recording-retention.ts';

/** Steps whose bytes may still be going when the next one is taken. */
const stepsBehind = 8;

export interface EvictionStepsOptions {
  readonly content: Pick<ContentStore, 'keepReserve' | 'spendReserve'>;
  readonly evictions: Evictions;
  readonly remover: Remover;
  readonly pins: Pins;
  readonly inUse: InUse;
  readonly degradation: Degradation;
}

/**
 * Evicts step by step: a short transaction, then what is remembered in memory, then the bytes; others have their turn in
 * between. To remove bytes takes longest, and the next step does not wait for it.
 */
export class EvictionSteps {
  readonly #content: Pick<ContentStore, 'keepReserve' | 'spendReserve'>;
  readonly #evictions: Evictions;
  readonly #remover: Remover;
  readonly #pins: Pins;
  readonly #inUse: InUse;
  readonly #degradation: Degradation;
  readonly #closing = new AbortController();
  /** Removals that are under way. */
  readonly #going = new Set<Promise<unknown>>();
  #forget: (eviction: Eviction) => void = () => undefined;
  #spentReserve = false;
  #restoring: Promise<void> | undefined;
  #images = 0;
  #bytes = 0;

  constructor({ content, evictions, remover, pins, inUse, degradation }: EvictionStepsOptions) {
    this.#content = content;
    this.#evictions = evictions;
    this.#remover = remover;
    this.#pins = pins;
    this.#inUse = inUse;
    this.#degradation = degradation;
  }

  /** What has gone since the start. */
  get evicted(): { readonly images: number; readonly bytes: number } {
    return { images: this.#images, bytes: this.#bytes };
  }

  /** Has `listener` called with what has gone from the database, before anybody else can look. */
  onEviction(listener: (eviction: Eviction) => void): void {
    this.#forget = listener;
  }

  retention(): RecordingRetention {
    return new RecordingRetention(this.#pins, this.#inUse);
  }

  /**
   * Evicts until `request` is met or nothing more can go; the last step says which. At the end the bytes are gone, too.
   * Rejects with StoreError when the database fails; bytes that cannot be removed right now are removed later.
   */
  async *run(
    request: Omit<EvictionRequest, 'retention'>,
    retention = this.retention(),
  ): AsyncGenerator<Eviction, void, undefined> {
    await this.#pins.load();
    const { bytes = Infinity, ...what } = request;
    const carried = new Set<Promise<void>>();
    try {
      for (let left = bytes; left > 0 && !this.#closing.signal.aborted;) {
        const limit = left === Infinity ? {} : { bytes: left };
        const eviction = await this.withRoom(() => this.#evictions.evict({ ...what, ...limit, retention }));
        const carrying = this.carryOut(eviction).finally(() => carried.delete(carrying));
        carried.add(carrying);
        // On a disk without a byte the next step may need the room of this one.
        if (this.#spentReserve) await Promise.all(carried);
        if (this.#going.size > stepsBehind) await Promise.race(this.#going);
        yield eviction;
        if (eviction.done) return;
        left -= eviction.bytes;
        await turn();
      }
    } finally {
      await Promise.all(carried);
    }
  }

  /**
   * What `evict` gives. On a disk without a byte for the database, what is going makes room for it, or else the reserve.
   * Rejects as `evict` does.
   */
  async withRoom<T>(evict: () => Promise<T>): Promise<T> {
    for (const makeRoom of [() => Promise.all(this.#going), () => this.#spendReserve()]) {
      try {
        return await evict();
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'NO_SPACE') throw error;
        await makeRoom();
      }
    }
    return evict();
  }

  /** The rest of an eviction, once the database has carried it out. Resolves when its bytes are gone. */
  async carryOut(eviction: Eviction): Promise<void> {
    this.#forget(eviction);
    this.#images += eviction.images.length;
    this.#bytes += eviction.bytes;
    const gone = this.#degradation
      .tolerate(() => this.#remover.remove(eviction.blobs, this.#closing.signal))
      .finally(() => this.#going.delete(gone));
    this.#going.add(gone);
    await gone;
    // Those that are still going have something to write when they are gone.
    if (this.#spentReserve && this.#going.size === 0) await this.#restoreReserve();
  }

  /** Ends what is under way after its present step, and resolves when nothing is being removed any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#going);
  }

  async #spendReserve(): Promise<void> {
    await this.#restoring;
    if (await this.#content.spendReserve()) this.#spentReserve = true;
  }

  #restoreReserve(): Promise<void> {
    this.#restoring ??= this.#degradation
      .tolerate(() => this.#content.keepReserve())
      .then((kept) => {
        this.#spentReserve = kept !== true;
      })
      .finally(() => {
        this.#restoring = undefined;
      });
    return this.#restoring;
  }
}
