import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Processes } from './processes.ts';

const script = fileURLToPath(new URL('wrk-report.lua', import.meta.url));

const summary = z.object({
  requests: z.number(),
  microseconds: z.number(),
  failures: z.number(),
  p50: z.number(),
  p99: z.number(),
});

/** How a peer answered many small requests. */
export interface RequestRate {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Milliseconds within which half, and 99 of 100, were answered. */
  readonly p50: number;
  readonly p99: number;
}

/** Reads the last line that `wrk-report.lua` made wrk print. */
export function parseRequestRate(output: string): RequestRate {
  const line = output.trimEnd().split('\n').at(-1) ?? '';
  const { requests, microseconds, failures, p50, p99 } = summary.parse(JSON.parse(line));
  if (failures > 0) throw new Error(`${failures} of ${requests} requests failed`);
  return { requests, requestsPerSecond: requests / (microseconds / 1e6), p50: p50 / 1e3, p99: p99 / 1e3 };
}

/** Asks for `url` from 16 connections for `seconds`. One thread: two cores have a peer to run as well. */
export async function requestRate(
  processes: Processes,
  url: URL,
  seconds: number,
  accept = '*/*',
): Promise<RequestRate> {
  return parseRequestRate(
    await processes.output('wrk', [
      '--threads=1',
      '--connections=16',
      `--duration=${seconds}s`,
      '--timeout=10s',
      `--header=Accept: ${accept}`,
      `--script=${script}`,
      url.href,
    ]),
  );
}
