import { registryErrors } from '../oci/error.ts';
import type { Exchange } from './exchange.ts';
import type { HeaderList } from './reply.ts';

const maxShownLength = 64;

/** The page of a listing that a client asks for. */
interface PageRequest {
  /** Entries at most; undefined when the client does not say. */
  readonly n: number | undefined;
  /** The entry after which to start, itself excluded. */
  readonly last: string | undefined;
}

/**
 * Reads `n` and `last`. Throws RegistryError `PAGINATION_NUMBER_INVALID` when `n` is no whole number.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
 */
export function pageRequest(exchange: Exchange): PageRequest {
  const text = exchange.request.query('n');
  const last = exchange.request.query('last');
  if (text === undefined) return { n: undefined, last };
  const n = /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  if (n === undefined) throw registryErrors.paginationInvalid(text.slice(0, maxShownLength));
  return { n, last };
}

/** The `Link` to the page after `last`; relative, so that it holds behind any proxy. `ns` stays with it. */
export function nextPageLink(path: string, n: number, last: string, ns?: string): HeaderList {
  const query = new URLSearchParams({ last, n: String(n), ...(ns === undefined ? undefined : { ns }) });
  return ['Link', `<${path}?${query.toString()}>; rel="next"`];
}
