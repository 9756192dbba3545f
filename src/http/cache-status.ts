import type { CacheResult, Validity } from '../mirror/mirror.ts';
import type { Exchange } from './exchange.ts';

/** How an answer came about, and what there is to say about it. */
interface Origin {
  readonly result: CacheResult;
  readonly upstreamMs: number;
  readonly validity?: Validity | undefined;
  readonly warning?: string | undefined;
  readonly notices?: readonly string[] | undefined;
}

/** `Cache-Status`: https://www.rfc-editor.org/rfc/rfc9211 */
const statusOf: Readonly<Record<CacheResult, string>> = {
  hit: 'entrepot; hit',
  joined: 'entrepot; fwd=miss; collapsed',
  miss: 'entrepot; fwd=miss',
  stale: 'entrepot; hit; detail=stale',
};

const maxReasonLength = 200;

/**
 * Notes for the log how an answer came about, and tells the client: from the cache or not, stale and why, and
 * upstream's notices.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#warnings
 */
export function cacheHeaders(exchange: Exchange, origin: Origin): string[] {
  exchange.answer = origin;
  const headers = ['Cache-Status', statusOf[origin.result]];
  if (origin.warning !== undefined) headers.push('Warning', staleWarning(origin.warning));
  for (const notice of origin.notices ?? []) headers.push('Warning', `299 - "${quotable(notice)}"`);
  return headers;
}

/**
 * The value of `Warning` for a stale answer.
 * @see https://www.rfc-editor.org/rfc/rfc7234#section-5.5.1
 */
export function staleWarning(reason: string): string {
  const text = quotable(reason);
  return `110 entrepot "Response is Stale${text === '' ? '' : `: ${text}`}"`;
}

/** A text reduced to what a quoted string may hold. */
function quotable(text: string): string {
  return text
    .slice(0, maxReasonLength)
    .replaceAll(/[^ !#-[\]-~]/g, ' ')
    .trim();
}
