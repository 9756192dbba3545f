import type { Clock } from '../base/clock.ts';
import {
  kindOfStatus,
  policyFor,
  retryDeadlineMs,
  retryPauseMs,
  retryPauses,
  type Failure,
} from './failure-policy.ts';
import { headerText } from './headers.ts';
import type { Sender, UpstreamRequest, UpstreamResponse } from './http-message.ts';
import { UpstreamError } from './registry.ts';
import { parseRetryAfter } from './retry-after.ts';

/** Repeats small idempotent requests as the {@link policyFor} of their failure says. */
export class RetryingSender implements Sender {
  readonly #sender: Sender;
  readonly #clock: Clock;
  readonly #random: () => number;

  /** @param random in [0, 1), as Math.random */
  constructor(sender: Sender, clock: Clock, random: () => number) {
    this.#sender = sender;
    this.#clock = clock;
    this.#random = random;
  }

  async send(request: UpstreamRequest): Promise<UpstreamResponse> {
    const end = this.#clock.now() + retryDeadlineMs;
    for (let failed = 1; ; failed += 1) {
      let pauseMs: number | undefined;
      try {
        const response = await this.#sender.send(request);
        pauseMs = this.#pauseAfter(this.#failure(response), failed, end);
        if (pauseMs === undefined) return response;
        response.body.discard();
      } catch (error) {
        pauseMs = error instanceof UpstreamError ? this.#pauseAfter(error, failed, end) : undefined;
        if (pauseMs === undefined) throw error;
      }
      await this.#pause(pauseMs, request);
    }
  }

  /** Undefined for an answer that is to be handed on. */
  #failure({ status, headers }: UpstreamResponse): Failure | undefined {
    if (status < 400) return undefined;
    const retryAfter = parseRetryAfter(headerText(headers, 'retry-after'), this.#clock.now());
    // A rate limit without a time at which it ends lasts longer than a client waits.
    if (status === 429 && retryAfter === undefined) return undefined;
    return { kind: kindOfStatus(status), status, retryAfter };
  }

  /** Undefined when there is to be no further attempt. */
  #pauseAfter(failure: Failure | undefined, failed: number, end: number): number | undefined {
    if (failure === undefined || failed >= policyFor(failure).attempts) return undefined;
    const pauseMs = retryPauseMs(failure, failed, retryPauses.metadata, this.#random());
    return pauseMs === undefined || this.#clock.now() + pauseMs > end ? undefined : pauseMs;
  }

  async #pause(ms: number, { url, signal }: UpstreamRequest): Promise<void> {
    try {
      await this.#clock.sleep(ms, signal);
    } catch (cause) {
      throw new UpstreamError('aborted', `${url.host}: the request was given up`, { cause });
    }
  }
}
