import type { CacheResult } from '../mirror/mirror.ts';

const statusOf: Readonly<Record<CacheResult, string>> = {
  hit: 'entrepot; hit',
  joined: 'entrepot; fwd=miss; collapsed',
  miss: 'entrepot; fwd=miss',
  stale: 'entrepot; hit; detail=stale',
};

/**
 * The value of `Cache-Status`.
 * @see https://www.rfc-editor.org/rfc/rfc9211
 */
export function cacheStatus(result: CacheResult): string {
  return statusOf[result];
}

const maxReasonLength = 200;

/**
 * The value of `Warning` for a stale answer; `reason` is reduced to what a quoted string may hold.
 * @see https://www.rfc-editor.org/rfc/rfc7234#section-5.5.1
 */
export function staleWarning(reason: string): string {
  const text = reason
    .slice(0, maxReasonLength)
    .replaceAll(/[^ !#-[\]-~]/g, ' ')
    .trim();
  return `110 entrepot "Response is Stale${text === '' ? '' : `: ${text}`}"`;
}
