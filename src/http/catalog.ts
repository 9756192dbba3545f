import type { Mirror } from '../mirror/mirror.ts';
import type { Exchange } from './exchange.ts';
import { nextPageLink, pageRequest } from './pagination.ts';
import { jsonReply } from './reply.ts';
import { boundUpstream } from './target.ts';

/** Entries when a client does not say, as in registry:2. */
const defaultEntries = 100;

/**
 * `_catalog`: the cached repositories, page by page; only those of one upstream where the host name or
 * listener is bound to it. Upstream is never asked.
 * @param maxEntries in one page (`catalog.maxentries`)
 */
export async function listCatalog(mirror: Mirror, exchange: Exchange, maxEntries: number): Promise<Response> {
  const { n, last } = pageRequest(exchange);
  const limit = Math.min(n ?? defaultEntries, maxEntries);
  const namespace = boundUpstream(exchange);
  const { reader } = exchange;
  // One more than wanted tells whether a next page exists.
  const found = limit === 0 ? [] : await mirror.catalog({ reader, last, limit: limit + 1, namespace });
  const repositories = found.slice(0, limit);
  const end = repositories.length < found.length ? repositories.at(-1) : undefined;
  const headers = end === undefined ? [] : nextPageLink('/v2/_catalog', limit, end);
  return exchange.reply(jsonReply({ repositories }, { headers }));
}
