import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../telemetry/log.ts';

/** More than leap seconds and a slow start of NTP make. */
const stepMs = 5 * 60 * 1000;
const distrustMs = 24 * 60 * 60 * 1000;

/**
 * Notices that the clock was set, by comparing it with the monotonic clock. For a day after that, ages are
 * not trusted: a clock that was wrong for a moment must not make the whole cache look old.
 */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #offset: number;
  #distrustedUntil = -Infinity;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
    this.#offset = clock.now() - clock.monotonic();
  }

  /** Whether ages can be trusted. To be called often, since that is how a step is noticed. */
  trustworthy(): boolean {
    const elapsed = this.#clock.monotonic();
    const offset = this.#clock.now() - elapsed;
    const step = offset - this.#offset;
    this.#offset = offset;
    if (Math.abs(step) > stepMs) {
      this.#distrustedUntil = elapsed + distrustMs;
      this.#logger.warn(
        { seconds: Math.round(step / 1000) },
        'the clock was set, or the machine slept: nothing is removed for its age until tomorrow',
      );
    }
    return elapsed >= this.#distrustedUntil;
  }
}
