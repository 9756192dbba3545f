import { pause, type Clock } from '../../../base/clock.ts';
import { CareError } from '../../../cache/care/care-error.ts';
import type { Logger } from '../../../telemetry/log.ts';
import type { Connectivity } from '../../../upstream/connectivity.ts';
import type { WarmEvent } from '../schemas.ts';
import { wantedImage } from '../wanted-image.ts';
import type { Warmer } from '../warmer.ts';
import { listedImages } from './listed-images.ts';
import type { WarmPolicy } from './policy.ts';

/** After a start, those who waited for it come first, in milliseconds. */
const startDelayMs = 1_000;
/** The clock is looked at so often, in milliseconds: it may be set, and a machine may sleep. */
const sliceMs = 60_000;

/** When a run began last, in milliseconds since the epoch; it outlives the process. */
interface LastRun {
  /** Undefined where that is not known. */
  read(): Promise<number | undefined>;
  /** Never rejects. */
  write(at: number): Promise<void>;
}

interface WarmScheduleDeps {
  readonly policy: WarmPolicy;
  readonly warmer: Warmer;
  readonly connectivity: Pick<Connectivity, 'isOffline'>;
  readonly lastRun: LastRun;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
}

/**
 * Warms the images of a list now and then, so that moving tags are refreshed. One run at a time. A run that was
 * missed, since the machine slept or no server ran, is made up for as soon as that is noticed; so is one that
 * fetched nothing at all, at the next start.
 */
export class WarmSchedule implements AsyncDisposable {
  readonly #deps: WarmScheduleDeps;
  readonly #closing = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #nextAt: number | undefined;

  constructor(deps: WarmScheduleDeps) {
    this.#deps = deps;
  }

  /** When the next run begins, in milliseconds since the epoch; undefined during a run, and when none follows. */
  get nextAt(): number | undefined {
    return this.#nextAt;
  }

  start(): void {
    this.#running = this.#runs();
  }

  /** Ends a run that is under way; what has come stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #runs(): Promise<void> {
    this.#nextAt = await this.#firstAt();
    while (await this.#due()) {
      this.#nextAt = undefined;
      await this.#run();
      this.#nextAt = this.#scheduledAfter(this.#deps.clock.now());
    }
  }

  async #firstAt(): Promise<number | undefined> {
    const { policy, lastRun, clock } = this.#deps;
    const now = clock.now();
    const last = await lastRun.read();
    const missed = policy.schedule?.previous(now);
    // One in the future was written down by a clock that was ahead.
    const isUpToDate = last !== undefined && last <= now && missed !== undefined && last >= missed;
    return isUpToDate ? this.#scheduledAfter(now) : now + startDelayMs;
  }

  #scheduledAfter(at: number): number | undefined {
    const { policy, random } = this.#deps;
    const next = policy.schedule?.next(at);
    return next === undefined ? undefined : next + Math.floor(random() * policy.jitterMs);
  }

  /** Waits for the next run; false when there is none any more. */
  async #due(): Promise<boolean> {
    const { clock } = this.#deps;
    let before = clock.now();
    while (this.#nextAt !== undefined && before < this.#nextAt) {
      if (!(await pause(clock, Math.min(this.#nextAt - before, sliceMs), this.#closing.signal))) return false;
      const now = clock.now();
      // The clock was set back: what was next may be days away.
      if (now < before) this.#nextAt = this.#scheduledAfter(now);
      before = now;
    }
    return this.#nextAt !== undefined && !this.#closing.signal.aborted;
  }

  async #run(): Promise<void> {
    const { policy, warmer, connectivity, lastRun, clock, logger } = this.#deps;
    const { referrers, pin } = policy;
    if (connectivity.isOffline) {
      logger.info('scheduled warming is left out: the mirror is offline');
      return;
    }
    const startedAt = clock.now();
    try {
      const images = (await listedImages(policy, logger)).map(wantedImage);
      logger.info({ images: images.length }, 'scheduled warming begins');
      let done = 0;
      for await (const event of warmer.warm({ images, referrers, pin })) {
        if (this.#closing.signal.aborted) return;
        done += this.#tell(event);
      }
      if (done > 0 || images.length === 0) await lastRun.write(startedAt);
    } catch (error) {
      const cause = error instanceof CareError ? { reason: error.message } : { err: error };
      logger.error(cause, 'scheduled warming failed');
    }
  }

  /** Logs what is worth knowing of a run. Returns how many images are done that did not fail. */
  #tell(event: WarmEvent): number {
    const { logger } = this.#deps;
    if (event.type === 'report') logger.info(event.report, 'scheduled warming ended');
    if (event.type !== 'image') return 0;
    const { image, state, failures } = event.image;
    if (state !== 'failed') return 1;
    logger.warn({ image, failures }, 'an image could not be warmed whole');
    return 0;
  }
}
