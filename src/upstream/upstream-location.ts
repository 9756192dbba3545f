import type { Clock } from '../base/clock.ts';
import { backoffMs } from '../base/backoff.ts';
import { failoverBackoff, policyFor } from './failure-policy.ts';
import type { UpstreamError, UpstreamRegistry } from './registry.ts';

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
  failed(error: UpstreamError): void {
    const { breaker } = policyFor(error);
    if ((breaker !== 'opens' && breaker !== 'pauses') || this.troubledUntil > 0) return;
    this.#failures += 1;
    this.#pauseMs = Math.max(backoffMs(failoverBackoff, this.#failures), (error.retryAfter ?? 0) * 1000);
    this.#retryAt = this.#clock.now() + this.#pauseMs;
  }
}
