import type { Clock } from '../base/clock.ts';
import { headerText } from './headers.ts';
import type { Sender, UpstreamRequest, UpstreamResponse } from './http-message.ts';
import { UpstreamError } from './registry.ts';
import { parseRetryAfter } from './retry-after.ts';

/** How hard to try. Times in milliseconds. */
export interface RetryPolicy {
  /** Tries in all. */
  readonly tries: number;
  /** The longest pause before the second try; it doubles with each one. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** An upstream that asks for a longer pause than this is not asked again. */
  readonly longestRetryAfterMs: number;
  /** No try begins later than this after the first. */
  readonly deadlineMs: number;
}

const defaultRetryPolicy: RetryPolicy = {
  tries: 3,
  firstPauseMs: 200,
  longestPauseMs: 2_000,
  longestRetryAfterMs: 3_000,
  deadlineMs: 20_000,
};

export interface RetryOptions {
  readonly clock: Clock;
  /** In [0, 1), as Math.random. */
  readonly random: () => number;
  readonly policy?: RetryPolicy | undefined;
}

const passingStatuses: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/**
 * Tries small idempotent requests again: when there was no answer, when it was 500, 502, 503 or 504, and when
 * a 429 says that the wait is short. Once after a 408: the registry has given up a connection that was idle
 * for too long (RFC 9110, section 15.5.9). Not after a timeout: whoever waited that long should hear so.
 * Pauses have full jitter, so that many who failed together do not come back together.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export class RetryingSender implements Sender {
  readonly #sender: Sender;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #policy: RetryPolicy;

  constructor(sender: Sender, { clock, random, policy = defaultRetryPolicy }: RetryOptions) {
    this.#sender = sender;
    this.#clock = clock;
    this.#random = random;
    this.#policy = policy;
  }

  async send(request: UpstreamRequest): Promise<UpstreamResponse> {
    const end = this.#clock.now() + this.#policy.deadlineMs;
    for (let tried = 1; ; tried += 1) {
      let pauseMs: number | undefined;
      try {
        const response = await this.#sender.send(request);
        pauseMs = this.#mayTryAgain(tried, end, this.#pauseAfter(response, tried));
        if (pauseMs === undefined) return response;
        response.body.discard();
      } catch (error) {
        const lost = error instanceof UpstreamError && error.kind === 'unavailable' && !error.permanent;
        pauseMs = lost ? this.#mayTryAgain(tried, end, this.#backoff(tried)) : undefined;
        if (pauseMs === undefined) throw error;
      }
      await this.#pause(pauseMs, request);
    }
  }

  #mayTryAgain(tried: number, end: number, pauseMs: number | undefined): number | undefined {
    if (pauseMs === undefined || tried >= this.#policy.tries) return undefined;
    return this.#clock.now() + pauseMs > end ? undefined : pauseMs;
  }

  #pauseAfter(response: UpstreamResponse, tried: number): number | undefined {
    if (response.status === 408) return tried === 1 ? this.#backoff(tried) : undefined;
    const passing = passingStatuses.has(response.status);
    if (!passing && response.status !== 429) return undefined;
    const seconds = parseRetryAfter(headerText(response.headers, 'retry-after'), this.#clock.now());
    if (seconds === undefined) return passing ? this.#backoff(tried) : undefined;
    const askedMs = seconds * 1000;
    return askedMs > this.#policy.longestRetryAfterMs ? undefined : askedMs + this.#backoff(tried);
  }

  #backoff(tried: number): number {
    const longest = Math.min(this.#policy.firstPauseMs * 2 ** (tried - 1), this.#policy.longestPauseMs);
    return Math.round(this.#random() * longest);
  }

  async #pause(ms: number, { url, signal }: UpstreamRequest): Promise<void> {
    try {
      await this.#clock.sleep(ms, signal);
    } catch (cause) {
      throw new UpstreamError('aborted', `${url.host}: the request was given up`, { cause });
    }
  }
}
