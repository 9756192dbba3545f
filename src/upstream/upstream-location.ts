import type { Clock } from '../base/clock.ts';
import type { UpstreamError, UpstreamErrorKind, UpstreamRegistry } from './registry.ts';

const firstPauseMs = 5_000;
const longestPauseMs = 5 * 60_000;

const troubles: ReadonlySet<UpstreamErrorKind> = new Set(['unavailable', 'timeout', 'rate-limited']);

/** One of the URLs of an upstream, and how well it does. */
export class UpstreamLocation {
  readonly registry: UpstreamRegistry;
  readonly #clock: Clock;
  #failures = 0;
  #pauseMs = 0;
  #retryAt = 0;

  constructor(registry: UpstreamRegistry, clock: Clock) {
    this.registry = registry;
    this.#clock = clock;
  }

  /** Milliseconds since the epoch until which others are asked before it; 0 when all is well. */
  get troubledUntil(): number {
    const left = this.#retryAt - this.#clock.now();
    // No pause is longer than it was: the clock was set back.
    return left > 0 && left <= this.#pauseMs ? this.#retryAt : 0;
  }

  answered(): void {
    this.#failures = 0;
    this.#retryAt = 0;
  }

  /** Counts a failure, unless it is an answer such as 404. Those who fail together count once. */
  failed({ kind, retryAfter = 0 }: UpstreamError): void {
    if (!troubles.has(kind) || this.troubledUntil > 0) return;
    this.#failures += 1;
    const backoffMs = Math.min(firstPauseMs * 2 ** (this.#failures - 1), longestPauseMs);
    this.#pauseMs = Math.max(backoffMs, retryAfter * 1000);
    this.#retryAt = this.#clock.now() + this.#pauseMs;
  }
}
