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

/**
 * Repeats small idempotent requests as the {@link policyFor} of their failure says.
 * @param random in [0, 1), as Math.random
 */
export function retryingSender(sender: Sender, clock: Clock, random: () => number): Sender {
  /** Undefined when there is to be no further attempt. */
  const pauseAfter = (failure: Failure | undefined, failed: number, end: number): number | undefined => {
    if (failure === undefined || failed >= policyFor(failure).attempts) return undefined;
    const pauseMs = retryPauseMs(failure, failed, retryPauses.metadata, random());
    return pauseMs === undefined || clock.now() + pauseMs > end ? undefined : pauseMs;
  };
  return {
    async send(request) {
      const end = clock.now() + retryDeadlineMs;
      for (let failed = 1; ; failed += 1) {
        let pauseMs: number | undefined;
        try {
          const response = await sender.send(request);
          pauseMs = pauseAfter(failureOf(response, clock.now()), failed, end);
          if (pauseMs === undefined) return response;
          response.body.discard();
        } catch (error) {
          pauseMs = error instanceof UpstreamError ? pauseAfter(error, failed, end) : undefined;
          if (pauseMs === undefined) throw error;
        }
        await pauseFor(pauseMs, request, clock);
      }
    },
  };
}

/** Undefined for an answer that is to be handed on. */
function failureOf({ status, headers }: UpstreamResponse, now: number): Failure | undefined {
  if (status < 400) return undefined;
  const retryAfter = parseRetryAfter(headerText(headers, 'retry-after'), now);
  // A rate limit without a time at which it ends lasts longer than a client waits.
  if (status === 429 && retryAfter === undefined) return undefined;
  return { kind: kindOfStatus(status), status, retryAfter };
}

async function pauseFor(ms: number, { url, signal }: UpstreamRequest, clock: Clock): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (cause) {
    throw new UpstreamError('aborted', `${url.host}: the request was given up`, { cause });
  }
}
