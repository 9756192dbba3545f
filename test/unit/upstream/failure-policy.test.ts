import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { registryErrors } from '../../../src/oci/error.ts';
import {
  blobAttempts,
  clientError,
  failureClass,
  failurePolicies,
  isConclusive,
  isPassing,
  isRejectedRequest,
  kindOfStatus,
  mayHaveReason,
  policyFor,
  refusesName,
  retryPauseMs,
  retryPauses,
  upstreamTimeLimits,
  breakerPauses,
  retryDeadlineMs,
  type FailureClass,
  type FailurePolicy,
} from '../../../src/upstream/failure-policy.ts';
import { UpstreamError, type UpstreamErrorKind } from '../../../src/upstream/registry.ts';

/** An example of each class: its kind, its status, whether it is permanent. */
const examples: Readonly<
  Record<FailureClass, readonly [UpstreamErrorKind, (number | undefined)?, boolean?]>
> = {
  'rate-limited': ['rate-limited', 429],
  timeout: ['timeout'],
  'request-timeout': ['timeout', 408],
  unreachable: ['unavailable'],
  tls: ['unavailable', undefined, true],
  unavailable: ['unavailable', 503],
  'server-error': ['unavailable', 502],
  unsupported: ['unavailable', 501],
  invalid: ['invalid', 200],
  malformed: ['invalid', undefined, true],
  policy: ['invalid', 412],
  refused: ['denied', 403],
  range: ['range', 416],
  'not-found': ['not-found', 404],
  aborted: ['aborted'],
  offline: ['offline'],
};

const classes = Object.entries(examples).map(([name, [kind, status, permanent]]) => ({
  name,
  error: new UpstreamError(kind, 'why', { status, permanent }),
}));

/** Its status, as a client hears it. */
function statusOf(error: UpstreamError): number {
  return clientError(error, () => registryErrors.manifestUnknown('latest')).status;
}

const breakerText: Readonly<Record<FailurePolicy['breaker'], string>> = {
  opens: 'opens',
  pauses: 'opens for `Retry-After`',
  closes: 'closes',
  ignores: 'unchanged',
};

/** The rows of the page's table: failure, attempts for what is small, for a blob, breaker, when it is asked again, status. */
function tableRows(): readonly string[] {
  return classes.map(({ error }) => {
    const { failure, attempts, blobAttempts: blob, breaker } = policyFor(error);
    const again = isPassing(error) ? 'when the breaker lets it' : 'when it is due again';
    return `| ${failure} | ${attempts} | ${blob} | ${breakerText[breaker]} | ${again} | ${statusOf(error)} |`;
  });
}

describe('the policy for failures of an upstream', () => {
  const page = readFileSync(new URL('../../../docs/reliability.md', import.meta.url), 'utf8');
  const [, section = ''] = /^## When an upstream fails$(.*?)^## /msu.exec(page) ?? [];

  it('is the table in docs/reliability.md, row by row', () => {
    const rows = section.split('\n').filter((line) => /^\|(?! *(?:failure|-))/u.test(line));

    expect(rows).toEqual(tableRows());
  });

  it.each([
    ['the longest wait of a client', `${upstreamTimeLimits.confirmation / 1000} s`],
    ['that for an unknown list', `${upstreamTimeLimits.unknownList / 1000} s`],
    ['that for a search', `${upstreamTimeLimits.search / 1000} s`],
    ['the longest Retry-After of what is small', `${retryPauses.metadata.longestRetryAfterMs / 1000} s`],
    ['that of a blob', `${retryPauses.blob.longestRetryAfterMs / 1000} s`],
    ['the deadline of attempts', `${retryDeadlineMs / 1000} s`],
    ['the longest pause of a breaker', `${breakerPauses.backoff.longestMs / 1000} s`],
    ['the pause after a 429 without Retry-After', `${breakerPauses.rateLimitMs / 1000} s`],
  ])('is described there with %s', (_, text) => {
    expect(section).toContain(text);
  });

  it.each(classes)('has the class $name', ({ name, error }) => {
    expect(failureClass(error)).toBe(name);
    expect(Object.keys(failurePolicies)).toContain(name);
  });

  it.each([
    [401, 'refused'],
    [403, 'refused'],
    [404, 'not-found'],
    [408, 'request-timeout'],
    [410, 'not-found'],
    [412, 'policy'],
    [416, 'range'],
    [418, 'invalid'],
    [429, 'rate-limited'],
    [500, 'server-error'],
    [501, 'unsupported'],
    [502, 'server-error'],
    [503, 'unavailable'],
    [504, 'server-error'],
    [507, 'unsupported'],
  ])('takes %i for %s', (status, expected) => {
    expect(failureClass({ kind: kindOfStatus(status), status })).toBe(expected);
  });

  it('gives a blob fewer attempts while upstream is known to be in trouble, and no fewer once it has begun', () => {
    const lost = new UpstreamError('unavailable', 'reset');

    expect(blobAttempts(lost, 'fine', false)).toBe(5);
    expect(blobAttempts(lost, 'failing', false)).toBe(2);
    expect(blobAttempts(lost, 'down', false)).toBe(1);
    expect(blobAttempts(lost, 'down', true)).toBe(5);
    expect(blobAttempts(new UpstreamError('not-found', 'no', { status: 404 }), 'failing', false)).toBe(1);
  });

  it('waits for as long as upstream asks and a part of a pause that doubles, unless that is too long', () => {
    const limited = (retryAfter: number) => new UpstreamError('rate-limited', 'no', { retryAfter });

    expect(retryPauseMs(limited(2), 2, retryPauses.metadata, 0.5)).toBe(2200);
    expect(retryPauseMs(limited(4), 1, retryPauses.metadata, 0.5)).toBeUndefined();
    expect(retryPauseMs(limited(4), 1, retryPauses.blob, 0.5)).toBe(4100);
    expect(retryPauseMs(limited(21), 1, retryPauses.blob, 0.5)).toBeUndefined();
  });

  it('has a shutdown told as one', () => {
    const { message, status } = clientError(new UpstreamError('aborted', 'gone'), () =>
      registryErrors.internal(),
    );

    expect([status, message]).toEqual([503, 'the mirror is shutting down']);
  });

  it('tells refusals from failures', () => {
    const has = (test: (error: UpstreamError) => boolean) =>
      classes.filter(({ error }) => test(error)).map(({ name }) => name);

    expect(has(isConclusive)).toEqual(['refused', 'not-found']);
    expect(has(isRejectedRequest)).toEqual(['policy', 'refused', 'range', 'not-found']);
    expect(has(mayHaveReason)).toEqual(['policy', 'refused']);
    expect(has(refusesName)).toEqual([
      'request-timeout',
      'unsupported',
      'invalid',
      'policy',
      'refused',
      'range',
      'not-found',
    ]);
  });
});
