import type { Mirror } from '../mirror/mirror.ts';
import type { Exchange } from './exchange.ts';
import { nextPageLink, pageRequest } from './pagination.ts';
import { jsonReply } from './reply.ts';
import { boundUpstream } from './target.ts';

/** Entries when a client does not say, as registry:2 has it. */
const defaultEntries = 100;

/** `_catalog`: the repositories that the cache holds, page by page; under a name or listener of one upstream, its own. Upstream is never asked. */
export class CatalogHandler {
  readonly #mirror: Mirror;
  readonly #maxEntries: number;

  /** @param maxEntries in one page (`catalog.maxentries`) */
  constructor(mirror: Mirror, maxEntries: number) {
    this.#mirror = mirror;
    this.#maxEntries = maxEntries;
  }

  async list(exchange: Exchange): Promise<Response> {
    const { n, last } = pageRequest(exchange);
    const limit = Math.min(n ?? defaultEntries, this.#maxEntries);
    // One more than asked for tells whether a next page exists.
    const namespace = boundUpstream(exchange);
    const found =
      limit === 0
        ? []
        : await this.#mirror.catalog({ reader: exchange.reader, last, limit: limit + 1, namespace });
    const repositories = found.slice(0, limit);
    const end = repositories.at(-1);
    const headers =
      end === undefined || found.length === repositories.length
        ? []
        : nextPageLink('/v2/_catalog', limit, end);
    return exchange.reply(jsonReply({ repositories }, { headers }));
  }
}
