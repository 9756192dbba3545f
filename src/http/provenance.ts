import type { CacheResult } from '../mirror/mirror.ts';
import { cacheStatus, staleWarning, upstreamsWarning } from './cache-status.ts';
import type { Exchange } from './exchange.ts';
import type { HeaderList } from './reply.ts';

interface Answer {
  readonly result: CacheResult;
  readonly upstreamMs: number;
  readonly warning?: string | undefined;
  readonly notices?: readonly string[] | undefined;
}

/**
 * Notes how an answer came about, for the log, and says it to the client: from the cache or not, stale and
 * why, and what upstream says.
 */
export function provenance(exchange: Exchange, answer: Answer): HeaderList {
  exchange.answer = answer;
  const headers = ['Cache-Status', cacheStatus(answer.result)];
  if (answer.warning !== undefined) headers.push('Warning', staleWarning(answer.warning));
  for (const notice of answer.notices ?? []) headers.push('Warning', upstreamsWarning(notice));
  return headers;
}
