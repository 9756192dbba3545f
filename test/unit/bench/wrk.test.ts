import { expect, test } from 'vitest';
import { parseRequestRate } from '../../../bench/wrk.ts';

const summary =
  'Running 2s test\n\n{"requests":50000,"microseconds":2000000,"failures":0,"p50":310,"p99":2500}\n';

test('the last line that wrk prints gives the rate, and latencies in milliseconds', () => {
  expect(parseRequestRate(summary)).toEqual({
    requests: 50_000,
    requestsPerSecond: 25_000,
    p50: 0.31,
    p99: 2.5,
  });
});

test('a rate of which some are failures is no rate', () => {
  expect(() => parseRequestRate(summary.replace('"failures":0', '"failures":3'))).toThrow(/3 of 50000/);
});
