import { headerText, type ResponseHeaders } from './headers.ts';

/**
 * A pull limit, as Docker Hub states it with every manifest.
 * @see https://docs.docker.com/docker-hub/usage/pulls/
 */
export interface RateLimit {
  /** Pulls allowed in a window, if stated. */
  readonly limit: number | undefined;
  /** Pulls left. */
  readonly remaining: number | undefined;
  /** The window's length in seconds, if stated: 21600 for six hours. */
  readonly windowSeconds: number | undefined;
  /** What the limit is counted by: an IP address or an account's id. */
  readonly source: string | undefined;
}

const amountPattern = /^(\d{1,9})(?:\s*;\s*w=(\d{1,9}))?$/;
const sourcePattern = /^[\w.:-]{1,100}$/;

/** What the headers say of a rate limit; undefined when they say nothing, which means that there is none. */
export function parseRateLimit(headers: ResponseHeaders): RateLimit | undefined {
  const limit = parseAmount(headerText(headers, 'ratelimit-limit'));
  const remaining = parseAmount(headerText(headers, 'ratelimit-remaining'));
  if (limit === undefined && remaining === undefined) return undefined;
  const source = headerText(headers, 'docker-ratelimit-source');
  return {
    limit: limit?.amount,
    remaining: remaining?.amount,
    windowSeconds: limit?.windowSeconds ?? remaining?.windowSeconds,
    source: source !== undefined && sourcePattern.test(source) ? source : undefined,
  };
}

/** `100;w=21600` */
function parseAmount(
  text: string | undefined,
): { readonly amount: number; readonly windowSeconds: number | undefined } | undefined {
  const match = amountPattern.exec(text?.trim() ?? '');
  if (match === null) return undefined;
  const [, amount, seconds] = match;
  return { amount: Number(amount), windowSeconds: seconds === undefined ? undefined : Number(seconds) };
}
