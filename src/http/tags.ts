import type { Mirror } from '../mirror/mirror.ts';
import type { Exchange } from './exchange.ts';
import { nextPageLink, pageRequest } from './pagination.ts';
import { provenance } from './provenance.ts';
import { jsonReply } from './reply.ts';
import { pullTarget } from './target.ts';

/** `tags/list`: whole, or page by page in lexical order. */
export class TagsHandler {
  readonly #mirror: Mirror;
  readonly #maxTags: number | undefined;

  /** @param maxTags in one page (`tags.maxtags`); a list that is asked for without pages comes whole, as registry:2 has it */
  constructor(mirror: Mirror, maxTags: number | undefined) {
    this.#mirror = mirror;
    this.#maxTags = maxTags;
  }

  async list(exchange: Exchange): Promise<Response> {
    const target = pullTarget(exchange);
    const { n, last } = pageRequest(exchange);
    const limit = n === undefined ? undefined : Math.min(n, this.#maxTags ?? n);
    // As the client wrote it, which may have a registry before it.
    const { name = target.name } = exchange;
    const answer = await this.#mirror.tags(target);
    const rest = last === undefined ? answer.tags : answer.tags.filter((tag) => tag > last);
    const tags = rest.slice(0, limit);
    const end = tags.at(-1);
    const headers = [
      ...provenance(exchange, answer),
      ...(limit === undefined || end === undefined || tags.length === rest.length
        ? []
        : nextPageLink(`/v2/${name}/tags/list`, limit, end, exchange.namespace)),
    ];
    return exchange.reply(jsonReply({ name, tags }, { headers }));
  }
}
