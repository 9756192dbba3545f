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
 * The value of `Warning` for a stale answer.
 * @see https://www.rfc-editor.org/rfc/rfc7234#section-5.5.1
 */
export function staleWarning(reason: string): string {
  const text = quotable(reason);
  return `110 entrepot "Response is Stale${text === '' ? '' : `: ${text}`}"`;
}

/**
 * The value of `Warning` for what upstream has to say to people.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#warnings
 */
export function upstreamsWarning(notice: string): string {
  return `299 - "${quotable(notice)}"`;
}

/** A text reduced to what a quoted string may hold. */
function quotable(text: string): string {
  return text
    .slice(0, maxReasonLength)
    .replaceAll(/[^ !#-[\]-~]/g, ' ')
    .trim();
}
