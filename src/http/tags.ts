import type { Mirror } from '../mirror/mirror.ts';
import { cacheStatus, staleWarning } from './cache-status.ts';
import type { Exchange } from './exchange.ts';
import { nextPageLink, pageRequest } from './pagination.ts';
import { jsonReply } from './reply.ts';
import { namespaceHeaders, pullTarget } from './target.ts';

/** `tags/list`: whole, or page by page in lexical order. */
export class TagsHandler {
  readonly #mirror: Mirror;

  constructor(mirror: Mirror) {
    this.#mirror = mirror;
  }

  async list(exchange: Exchange): Promise<Response> {
    const target = pullTarget(exchange);
    const { n, last } = pageRequest(exchange);
    const answer = await this.#mirror.tags(target);
    exchange.answer = answer;
    const rest = last === undefined ? answer.tags : answer.tags.filter((tag) => tag > last);
    const tags = n === undefined ? rest : rest.slice(0, n);
    const end = tags.at(-1);
    const headers = [
      'Cache-Status',
      cacheStatus(answer.result),
      ...namespaceHeaders(target),
      ...(answer.warning === undefined ? [] : ['Warning', staleWarning(answer.warning)]),
      ...(n === undefined || end === undefined || tags.length === rest.length
        ? []
        : nextPageLink(`/v2/${target.name}/tags/list`, n, end, target.namespace)),
    ];
    return exchange.reply(jsonReply({ name: target.name, tags }, { headers }));
  }
}
