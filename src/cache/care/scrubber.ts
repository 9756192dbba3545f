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

/** Blobs that are asked for, and written down as verified, at a time. */
const batch = 64;
/** Between two batches: a cache of a million tiny blobs must not keep the machine busy. */
const pauseMs = 1000;
/** Until it looks again whether something is due, or whether the store works again. */
const idleMs = 60_000;
/** Verifications that a crash may undo. */
const unwrittenMs = 30_000;

export interface ScrubberOptions {
  readonly blobs: BlobChecker;
  readonly inventory: Pick<Inventory, 'dueForVerification' | 'putVerified'>;
  readonly evictions: Pick<Evictions, 'usage'>;
  readonly audit: Pick<Audit, 'distrustVerifications'>;
  readonly health: Pick<StoreHealth, 'healthy' | 'failed'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In which everything is verified once; 0: nothing ever is. */
  readonly periodMs: number;
}

/** Since the process started. */
export interface ScrubCounts {
  readonly blobs: number;
  readonly bytes: number;
  readonly damaged: number;
}

/**
 * Hashes what is held again, in the background, those that wait longest first, so slowly that it takes about the period
 * that is configured. What is not what its digest says is put aside, and fetched anew on the next request.
 */
export class Scrubber {
  readonly #options: ScrubberOptions;
  readonly #stopping = new AbortController();
  #work: Promise<void> = Promise.resolve();
  #blobs = 0;
  #bytes = 0;
  #damaged = 0;
  /** Bytes verified in the window that starts then. */
  #done = { startsAt: 0, bytes: 0 };
  /** Verified, and not written down yet. */
  readonly #intact: Digest[] = [];
  #writtenAt = 0;

  constructor(options: ScrubberOptions) {
    this.#options = options;
  }

  get counts(): ScrubCounts {
    return { blobs: this.#blobs, bytes: this.#bytes, damaged: this.#damaged };
  }

  /** Runs until {@link stop}. */
  start(): void {
    if (this.#options.periodMs > 0) this.#work = this.#repeat();
  }

  /** Cuts off the blob that is being hashed. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#work;
  }

  async #repeat(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    let waitMs: number;
    do {
      waitMs = (await this.#round()) ? pauseMs : idleMs;
    } while (await pause(clock, waitMs, signal));
  }

  /** Verifies a batch of what is due. False when there is nothing to be done for now. */
  async #round(): Promise<boolean> {
    const { inventory, audit, health, clock, periodMs } = this.#options;
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
    const { blobs, clock, health } = this.#options;
    const { signal } = this.#stopping;
    this.#writtenAt = clock.monotonic();
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
        if (clock.monotonic() - this.#writtenAt >= unwrittenMs) await this.#write();
      }
    } finally {
      await this.#write();
    }
  }

  async #write(): Promise<void> {
    const { inventory, clock } = this.#options;
    await inventory.putVerified(this.#intact.splice(0), clock.now());
    this.#writtenAt = clock.monotonic();
  }

  async #takeOut(digest: Digest, verdict: 'damaged' | 'missing'): Promise<void> {
    const { blobs, logger } = this.#options;
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

  /** In bytes a second. What was verified before a restart counts as due: then it is done early. */
  async #rate(): Promise<number> {
    const { evictions, clock, periodMs } = this.#options;
    const now = clock.now();
    const { startsAt, endsAt } = scrubWindow(now, periodMs);
    if (this.#done.startsAt !== startsAt) this.#done = { startsAt, bytes: 0 };
    const { bytes } = await evictions.usage();
    return scrubRate(bytes - this.#done.bytes, endsAt - now);
  }
}
