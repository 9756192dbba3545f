import { backoffMs, type Backoff } from '../base/backoff.ts';
import { registryErrors, type RegistryError } from '../oci/error.ts';
import { UpstreamError, type UpstreamErrorKind } from './registry.ts';

/** What happens when a request fails in one way. What is cached is served in any case, with a `Warning`. */
export interface FailurePolicy {
  /** Which failures these are, for people. */
  readonly failure: string;
  /** Requests in all for what is small: manifests, lists, sizes of blobs, tokens. */
  readonly attempts: number;
  /** Requests in all for a blob before its first byte, while the breaker is closed. */
  readonly blobAttempts: number;
  /** A failure that opens or pauses it passes: once upstream is well, there may be another answer. */
  readonly breaker: 'opens' | 'pauses' | 'closes' | 'ignores';
  /** What the client hears where nothing is cached. */
  readonly error: 'notFound' | 'badGateway' | 'denied' | 'gatewayTimeout' | 'tooManyRequests' | 'unavailable';
}

type Row = [string, number, number, FailurePolicy['breaker'], FailurePolicy['error']];

const policy = (...[failure, attempts, blobAttempts, breaker, error]: Row): FailurePolicy => ({
  failure,
  attempts,
  blobAttempts,
  breaker,
  error,
});

/**
 * The policy by class of failure: requests for what is small, requests for a blob, the breaker, the client's
 * error. In the order in which one is reported when all URLs of an upstream fail. docs/reliability.md has
 * this table.
 */
export const failurePolicies = {
  'rate-limited': policy('429, rate limit', 3, 5, 'pauses', 'tooManyRequests'),
  timeout: policy('no connection, answer or progress in time', 1, 2, 'opens', 'gatewayTimeout'),
  // The registry has given up a connection that was idle for too long (RFC 9110, section 15.5.9).
  'request-timeout': policy('408', 2, 2, 'opens', 'gatewayTimeout'),
  unreachable: policy('host not found, connection refused, reset or cut', 3, 5, 'opens', 'unavailable'),
  tls: policy('TLS fails', 1, 1, 'opens', 'unavailable'),
  unavailable: policy('503', 3, 5, 'opens', 'unavailable'),
  'server-error': policy('500, 502, 504', 3, 5, 'opens', 'badGateway'),
  unsupported: policy('another 5xx, or storage that refuses a fresh redirect', 1, 5, 'opens', 'badGateway'),
  invalid: policy('an answer that makes no sense', 1, 2, 'closes', 'badGateway'),
  malformed: policy('an answer that is not HTTP, or an encoded blob', 1, 1, 'closes', 'badGateway'),
  // No request has a condition: it is a policy that refuses, as Harbor's of vulnerable images.
  policy: policy('412, policy of the registry', 1, 2, 'closes', 'denied'),
  // Upstream's 401 is about this mirror and its account. A 401 of ours needs a challenge (RFC 9110, section
  // 15.5.2), and a login would not help. From DENIED dockerd makes "repository does not exist or may require
  // 'docker login'".
  refused: policy('401, 403', 1, 1, 'closes', 'denied'),
  range: policy('416', 1, 5, 'closes', 'badGateway'),
  'not-found': policy('404, 410', 1, 1, 'closes', 'notFound'),
  aborted: policy('the mirror shuts down', 1, 1, 'ignores', 'unavailable'),
  offline: policy('the mirror is offline', 1, 1, 'ignores', 'notFound'),
};

export type FailureClass = keyof typeof failurePolicies;

/** It answers; it failed, and was not asked since its pause; it is not asked about what is cached. */
export type Outlook = 'fine' | 'failing' | 'down';

/** Requests in all before a blob's first byte, at most: the client hears sooner of an upstream in trouble. */
const blobAttemptsAtMost: Readonly<Record<Outlook, number>> = { fine: Infinity, failing: 2, down: 1 };

/** Requests in a row for the rest of a blob that may bring no byte. */
const resumeAttempts = 5;

/** Pauses between attempts, in milliseconds. */
interface Pauses {
  /** A random part of it is waited. */
  readonly backoff: Backoff;
  /** An upstream that asks for a longer pause is not asked again: that wait is the client's. */
  readonly longestRetryAfterMs: number;
}

export const retryPauses = {
  /** Between attempts for what is small. */
  metadata: { backoff: { firstMs: 200, longestMs: 2_000 }, longestRetryAfterMs: 3_000 },
  blob: { backoff: { firstMs: 200, longestMs: 5_000 }, longestRetryAfterMs: 20_000 },
} as const satisfies Readonly<Record<string, Pauses>>;

/** How long an open breaker keeps upstream from being asked about what is cached, in milliseconds. */
export const breakerPauses = {
  backoff: { firstMs: 1_000, longestMs: 60_000 },
  /** After a 429 without a usable `Retry-After`. */
  rateLimitMs: 30_000,
} as const;

/** How long one of an upstream's URLs that is in trouble is asked after the others, in milliseconds. */
export const failoverBackoff: Backoff = { firstMs: 5_000, longestMs: 5 * 60_000 };

/** No attempt for what is small begins later than this after the first, in milliseconds. */
export const retryDeadlineMs = 20_000;

/** Why an answer is stale while a breaker is open. */
export const notAsked = 'upstream fails and is not asked for a while';

/** How long a client waits for upstream, in milliseconds, before it gets what is known without. */
export const upstreamTimeLimits = {
  /** To confirm a cached tag or list, that there is no such tag, or that a repository is public. */
  confirmation: 1_500,
  /** For a list of which nothing is known: an empty one may hide what upstream would name. */
  unknownList: 5_000,
  /** For Docker Hub's search; what is known are the cached names. */
  search: 3_000,
} as const;

/** What of a failure decides. */
export type Failure = Pick<UpstreamError, 'kind'> &
  Partial<Pick<UpstreamError, 'status' | 'permanent' | 'retryAfter'>>;

/** The kind of failure that a status is, of 400 and more or any other that was not expected. */
export function kindOfStatus(status: number): UpstreamErrorKind {
  return kinds.get(status) ?? (status >= 500 ? 'unavailable' : 'invalid');
}

const kinds: ReadonlyMap<number, UpstreamErrorKind> = new Map([
  [401, 'unauthorized'],
  [403, 'denied'],
  [404, 'not-found'],
  [408, 'timeout'],
  [410, 'not-found'],
  [416, 'range'],
  [429, 'rate-limited'],
  // Mirrors that are each other's upstream: none of them is in trouble.
  [508, 'invalid'],
]);

const passingStatuses: ReadonlySet<number> = new Set([500, 502, 504]);

export function failureClass({ kind, status, permanent = false }: Failure): FailureClass {
  switch (kind) {
    case 'unauthorized':
    case 'denied':
      return 'refused';
    case 'timeout':
      return status === 408 ? 'request-timeout' : 'timeout';
    case 'invalid':
      if (permanent) return 'malformed';
      return status === 412 ? 'policy' : 'invalid';
    case 'unavailable':
      if (permanent) return 'tls';
      if (status === undefined) return 'unreachable';
      if (status === 503) return 'unavailable';
      return passingStatuses.has(status) ? 'server-error' : 'unsupported';
    case 'rate-limited':
    case 'range':
    case 'not-found':
    case 'aborted':
    case 'offline':
      return kind;
  }
}

export function policyFor(failure: Failure): FailurePolicy {
  return failurePolicies[failureClass(failure)];
}

/** Requests in a row that may fail, or bring no byte, until a blob is given up. */
export function blobAttempts(failure: Failure, outlook: Outlook, hasBegun: boolean): number {
  const { blobAttempts: attempts, breaker } = policyFor(failure);
  // No upstream is to blame, and none is asked any more.
  if (breaker === 'ignores') return attempts;
  return hasBegun ? resumeAttempts : Math.min(attempts, blobAttemptsAtMost[outlook]);
}

/**
 * Milliseconds to wait before the next attempt; undefined when upstream asks for more.
 * @param failed attempts that have failed in a row
 * @param random in [0, 1)
 */
export function retryPauseMs(
  { retryAfter = 0 }: Failure,
  failed: number,
  { backoff, longestRetryAfterMs }: Pauses,
  random: number,
): number | undefined {
  const askedMs = retryAfter * 1000;
  return askedMs > longestRetryAfterMs ? undefined : askedMs + backoffMs(backoff, failed, random);
}

/** Whether another answer is to be expected once upstream is well again, which the breaker finds out. */
export function isPassing(failure: Failure): boolean {
  return policyFor(failure).breaker !== 'closes';
}

/** Whether upstream will not give something to this mirror, or says so of what does not exist. */
export function isRefusal(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError && failureClass(error) === 'refused';
}

export function isNotFound(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError && error.kind === 'not-found';
}

/** Whether upstream answered that it does not have or give something: to ask again changes nothing. */
export function isConclusive(error: unknown): error is UpstreamError {
  return isRefusal(error) || isNotFound(error);
}

/** Whether upstream has refused one request (4xx), and might have answered another one. */
export function isRejectedRequest({ kind, status = 0 }: Failure): boolean {
  return status >= 400 && status < 500 && kind !== 'rate-limited' && kind !== 'timeout';
}

/** Whether a GET may tell why HEAD was refused: a policy's reason (Harbor's 412, 403) is in the body only. */
export function mayHaveReason(error: unknown): error is UpstreamError {
  if (!(error instanceof UpstreamError)) return false;
  const { kind, status = 0 } = error;
  return (kind === 'denied' || kind === 'invalid') && status >= 400;
}

/** Statuses of an upstream that can give nothing at all. */
const outOfOrder: ReadonlySet<number | undefined> = new Set([502, 503, 504]);

/** Whether upstream has refused something by one name, and may give it by another. */
export function refusesName(error: unknown): error is UpstreamError {
  if (!(error instanceof UpstreamError) || error.status === undefined) return false;
  return error.kind !== 'rate-limited' && !outOfOrder.has(error.status);
}

/**
 * What a client hears of a failure: the real cause, in a registry's terms.
 * @param notFound the error for content that upstream does not have
 */
export function clientError(error: UpstreamError, notFound: () => RegistryError): RegistryError {
  const { error: answer } = policyFor(error);
  if (answer === 'notFound') return notFound();
  const message = error.kind === 'aborted' ? 'the mirror is shutting down' : error.message;
  return registryErrors[answer](message, { cause: error, retryAfter: error.retryAfter });
}
