import { setImmediate as turn } from 'node:timers/promises';
import { pause, type Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Audit } from '../../store/audit.ts';
import type { StoredBlob } from '../../store/content-store.ts';
import type { Evictions } from '../../store/evictions.ts';
import type { Inventory } from '../../store/inventory.ts';
import { StoreError } from '../../store/store-error.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { StoreHealth } from '../space/store-health.ts';
import type { BlobChecker } from './blob-checker.ts';
import { scrubRate, scrubWindow } from './scrub-pace.ts';

/** Blobs that are listed, and recorded as verified, at a time. */
const batch = 64;
/** Between two batches, for caches of a million tiny blobs. */
const pauseMs = 1000;
/** While nothing is due, or the store has failed. */
const idleMs = 60_000;
/** How long a verification may be unrecorded. */
const unrecordedMs = 30_000;

export interface ScrubberDeps {
  readonly blobs: BlobChecker;
  readonly inventory: Pick<Inventory, 'dueForVerification' | 'putVerified'>;
  readonly evictions: Pick<Evictions, 'usage'>;
  readonly audit: Pick<Audit, 'distrustVerifications'>;
  readonly health: Pick<StoreHealth, 'healthy' | 'failed'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In which everything is verified once; 0: never. */
  readonly periodMs: number;
}

/** Since the process started. */
export interface ScrubCounts {
  readonly blobs: number;
  readonly bytes: number;
  readonly damaged: number;
}

/**
 * Hashes cached blobs in the background, the longest unverified first, at the rate that takes about the
 * configured period. Damaged blobs are put aside, and fetched anew on the next request.
 */
export class Scrubber implements AsyncDisposable {
  readonly #deps: ScrubberDeps;
  readonly #stopping = new AbortController();
  #work: Promise<void> = Promise.resolve();
  #blobs = 0;
  #bytes = 0;
  #damaged = 0;
  /** Bytes verified in the window that starts then. */
  #done = { startsAt: 0, bytes: 0 };
  /** Verified, and not recorded yet. */
  readonly #intact: Digest[] = [];
  #recordedAt = 0;

  constructor(deps: ScrubberDeps) {
    this.#deps = deps;
  }

  get counts(): ScrubCounts {
    return { blobs: this.#blobs, bytes: this.#bytes, damaged: this.#damaged };
  }

  /** Runs until it is disposed of. */
  start(): void {
    if (this.#deps.periodMs > 0) this.#work = this.#repeat();
  }

  /** Aborts the hash under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#work;
  }

  async #repeat(): Promise<void> {
    const { clock } = this.#deps;
    const { signal } = this.#stopping;
    let waitMs: number;
    do {
      waitMs = (await this.#round()) ? pauseMs : idleMs;
    } while (await pause(clock, waitMs, signal));
  }

  /** Verifies a batch of what is due. False when there is nothing to do for now. */
  async #round(): Promise<boolean> {
    const { inventory, audit, health, clock, periodMs } = this.#deps;
    if (!health.healthy) return false;
    try {
      while (await audit.distrustVerifications(clock.now())) await turn();
      const { startsAt } = scrubWindow(clock.now(), periodMs);
      const due = await inventory.dueForVerification(startsAt, batch);
      await this.#verify(due);
      return due.length > 0;
    } catch (error) {
      if (this.#stopping.signal.aborted) return false;
      if (!(error instanceof StoreError)) throw error;
      health.failed(error);
      return false;
    }
  }

  async #verify(due: readonly StoredBlob[]): Promise<void> {
    const { blobs, clock, health } = this.#deps;
    const { signal } = this.#stopping;
    this.#recordedAt = clock.monotonic();
    try {
      for (const { digest, size } of due) {
        if (!health.healthy) return;
        const bytesPerSecond = await this.#rate();
        const verdict = await blobs.examine(digest, { signal, bytesPerSecond });
        if (verdict === 'gone') continue;
        this.#blobs += 1;
        this.#bytes += size;
        this.#done.bytes += size;
        if (verdict === 'intact') this.#intact.push(digest);
        else await this.#takeOut(digest, verdict);
        if (clock.monotonic() - this.#recordedAt >= unrecordedMs) await this.#record();
      }
    } finally {
      await this.#record();
    }
  }

  async #record(): Promise<void> {
    const { inventory, clock } = this.#deps;
    await inventory.putVerified(this.#intact.splice(0), clock.now());
    this.#recordedAt = clock.monotonic();
  }

  async #takeOut(digest: Digest, verdict: 'damaged' | 'missing'): Promise<void> {
    const { blobs, logger } = this.#deps;
    const images = await blobs.images(digest);
    await blobs.takeOut(digest);
    this.#damaged += 1;
    logger.error(
      { digest, images },
      verdict === 'damaged'
        ? 'a stored blob is damaged: it was put aside, and is fetched anew when it is asked for'
        : 'the file of a stored blob is missing: it is fetched anew when it is asked for',
    );
  }

  /** In bytes a second. What was verified before a restart counts as due. */
  async #rate(): Promise<number> {
    const { evictions, clock, periodMs } = this.#deps;
    const now = clock.now();
    const { startsAt, endsAt } = scrubWindow(now, periodMs);
    if (this.#done.startsAt !== startsAt) this.#done = { startsAt, bytes: 0 };
    const { bytes } = await evictions.usage();
    return scrubRate(bytes - this.#done.bytes, endsAt - now);
  }
}
