import { setImmediate as turn } from 'node:timers/promises';
import type { ContentStore } from '../../store/content-store.ts';
import type { Eviction, EvictionRequest, Evictions } from '../../store/evictions.ts';
import { StoreError } from '../../store/store-error.ts';
import type { Degradation } from '../degradation.ts';
import type { InUse } from '../in-use.ts';
import type { Pins } from './pins.ts';
import type { Remover } from './remover.ts';
import { RecordingRetention } from './recording-retention.ts';

/** Steps whose bytes may still be being removed when the next one is taken. */
const stepsBehind = 8;

export interface EvictionStepsDeps {
  readonly content: Pick<ContentStore, 'keepReserve' | 'spendReserve'>;
  readonly evictions: Evictions;
  readonly remover: Remover;
  readonly pins: Pins;
  readonly inUse: InUse;
  readonly degradation: Degradation;
}

/**
 * Evicts step by step: a short transaction, then memory, then the bytes, with a turn of the event loop in
 * between. Removing bytes takes longest, and the next step does not wait for it. Nothing else evicts.
 */
export class EvictionSteps implements AsyncDisposable {
  readonly #deps: EvictionStepsDeps;
  readonly #closing = new AbortController();
  /** Removals under way. */
  readonly #removals = new Set<Promise<unknown>>();
  #forget: (eviction: Eviction) => void = () => undefined;
  #spentReserve = false;
  #restoring: Promise<void> | undefined;
  #images = 0;
  #bytes = 0;

  constructor(deps: EvictionStepsDeps) {
    this.#deps = deps;
  }

  /** What was evicted since the start. */
  get evicted(): { readonly images: number; readonly bytes: number } {
    return { images: this.#images, bytes: this.#bytes };
  }

  /** Calls `listener` with what was removed from the database, before any other code runs. */
  onEviction(listener: (eviction: Eviction) => void): void {
    this.#forget = listener;
  }

  retention(): RecordingRetention {
    return new RecordingRetention(this.#deps.pins, this.#deps.inUse);
  }

  /**
   * Evicts until `request` is met or nothing more can be evicted (`done`). By the end the bytes are removed,
   * too. Rejects with StoreError when the database fails; bytes that cannot be removed now are removed later.
   */
  async *run(
    request: Omit<EvictionRequest, 'retention'>,
    retention = this.retention(),
  ): AsyncGenerator<Eviction, void, undefined> {
    await this.#deps.pins.load();
    const { bytes = Infinity, ...what } = request;
    const carried = new Set<Promise<void>>();
    try {
      for (let left = bytes; left > 0 && !this.#closing.signal.aborted;) {
        const limit = left === Infinity ? {} : { bytes: left };
        const eviction = await this.withRoom(() =>
          this.#deps.evictions.evict({ ...what, ...limit, retention }),
        );
        const carrying = this.carryOut(eviction).finally(() => carried.delete(carrying));
        carried.add(carrying);
        // On a full disk the next step may need the room of this one.
        if (this.#spentReserve) await Promise.all(carried);
        if (this.#removals.size > stepsBehind) await Promise.race(this.#removals);
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
   * The result of `evict`. On a disk without a free byte, removals under way or else the reserve make room
   * for the database. Rejects as `evict` does.
   */
  async withRoom<T>(evict: () => Promise<T>): Promise<T> {
    for (const makeRoom of [() => Promise.all(this.#removals), () => this.#spendReserve()]) {
      try {
        return await evict();
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'NO_SPACE') throw error;
        await makeRoom();
      }
    }
    return evict();
  }

  /** The rest of an eviction, after its transaction. Resolves when its bytes are removed. */
  async carryOut(eviction: Eviction): Promise<void> {
    this.#forget(eviction);
    this.#images += eviction.images.length;
    this.#bytes += eviction.bytes;
    const gone = this.#deps.degradation
      .tolerate(() => this.#deps.remover.remove(eviction.blobs, this.#closing.signal))
      .finally(() => this.#removals.delete(gone));
    this.#removals.add(gone);
    await gone;
    // Removals under way have something to write at their end.
    if (this.#spentReserve && this.#removals.size === 0) await this.#restoreReserve();
  }

  /** Ends evictions after the step under way; resolves when nothing is being removed any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#removals);
  }

  async #spendReserve(): Promise<void> {
    await this.#restoring;
    if (await this.#deps.content.spendReserve()) this.#spentReserve = true;
  }

  #restoreReserve(): Promise<void> {
    this.#restoring ??= this.#deps.degradation
      .tolerate(() => this.#deps.content.keepReserve())
      .then((kept) => {
        this.#spentReserve = kept !== true;
      })
      .finally(() => {
        this.#restoring = undefined;
      });
    return this.#restoring;
  }
}
