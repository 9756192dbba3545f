import type { Mirror } from '../mirror/mirror.ts';
import { cacheHeaders } from './cache-status.ts';
import type { Exchange } from './exchange.ts';
import { nextPageLink, pageRequest } from './pagination.ts';
import { jsonReply } from './reply.ts';
import { pullTarget } from './target.ts';

/**
 * `tags/list`: whole, or page by page in lexical order.
 * @param maxTags in one page (`tags.maxtags`); without pages the list is sent whole, as in registry:2
 */
export async function listTags(
  mirror: Mirror,
  exchange: Exchange,
  maxTags: number | undefined,
): Promise<Response> {
  const target = pullTarget(exchange);
  const { n, last } = pageRequest(exchange);
  const limit = n === undefined ? undefined : Math.min(n, maxTags ?? n);
  // As the client wrote it, which may have a registry before it.
  const { name = target.name } = exchange;
  const answer = await mirror.tags(target);
  const rest = last === undefined ? answer.tags : answer.tags.filter((tag) => tag > last);
  const tags = rest.slice(0, limit);
  const end = tags.length < rest.length ? tags.at(-1) : undefined;
  const headers = cacheHeaders(exchange, answer);
  if (limit !== undefined && end !== undefined) {
    headers.push(...nextPageLink(`/v2/${name}/tags/list`, limit, end, exchange.namespace));
  }
  return exchange.reply(jsonReply({ name, tags }, { headers }));
}
