import type { Mirror } from '../mirror/mirror.ts';
import { anonymous } from '../mirror/reader.ts';
import type { Exchange } from './exchange.ts';
import { nextPageLink, pageRequest } from './pagination.ts';
import { jsonReply } from './reply.ts';

/** As registry:2 has them: entries when a client does not say, and at most. */
const defaultEntries = 100;
const maxEntries = 1000;

/** `_catalog`: the repositories that the cache holds, page by page. Upstream is never asked. */
export class CatalogHandler {
  readonly #mirror: Mirror;

  constructor(mirror: Mirror) {
    this.#mirror = mirror;
  }

  async list(exchange: Exchange): Promise<Response> {
    const { n, last } = pageRequest(exchange);
    const limit = Math.min(n ?? defaultEntries, maxEntries);
    // One more than asked for tells whether a next page exists.
    const found =
      limit === 0 ? [] : await this.#mirror.catalog({ reader: anonymous, last, limit: limit + 1 });
    const repositories = found.slice(0, limit);
    const end = repositories.at(-1);
    const headers =
      end === undefined || found.length === repositories.length
        ? []
        : nextPageLink('/v2/_catalog', limit, end);
    return exchange.reply(jsonReply({ repositories }, { headers }));
  }
}
