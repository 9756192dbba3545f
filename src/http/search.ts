import { registryErrors, RegistryError } from '../oci/error.ts';
import type { Mirror } from '../mirror/mirror.ts';
import { staleWarning } from './cache-status.ts';
import type { Exchange } from './exchange.ts';
import { pageRequest } from './pagination.ts';
import { jsonReply } from './reply.ts';
import { boundUpstream } from './target.ts';

/** As Docker Hub has them: results when a client does not say, and at most. */
const defaultResults = 25;
const maxResults = 100;

/** In characters; a repository's name has no more. */
const maxTermLength = 255;

/** The version of the last registry that had this API. */
const apiVersion = '0.9.1';

/**
 * `docker search HOST/term`, which dockerd still asks by the first version of the registry's API.
 * @see https://github.com/moby/moby/blob/v28.0.0/registry/search_endpoint_v1.go
 */
export class SearchHandler {
  readonly #mirror: Mirror;

  constructor(mirror: Mirror) {
    this.#mirror = mirror;
  }

  /** What dockerd asks first. `standalone`: searches are answered here, and logins are for here. */
  ping(exchange: Exchange): Promise<Response> {
    const headers = ['X-Docker-Registry-Version', apiVersion, 'X-Docker-Registry-Standalone', 'true'];
    return Promise.resolve(exchange.reply(jsonReply({ version: apiVersion, standalone: true }, { headers })));
  }

  async search(exchange: Exchange): Promise<Response> {
    const term = (exchange.query('q') ?? '').trim();
    if (term === '') throw new RegistryError('UNSUPPORTED', 400, 'a search needs a term: /v1/search?q=TERM');
    if (term.length > maxTermLength || /\p{Cc}/u.test(term))
      throw registryErrors.nameInvalid(term.slice(0, 64));
    const { n = defaultResults } = pageRequest(exchange);
    const namespace = boundUpstream(exchange);
    const limit = Math.min(n, maxResults);
    const { results, warning } = await this.#mirror.search({
      reader: exchange.reader,
      term,
      limit,
      namespace,
      cachedOnly: exchange.isFromWebPage,
    });
    return exchange.reply(
      jsonReply(
        {
          query: term,
          num_results: results.length,
          results: results.map(({ name, description, starCount, isOfficial, isAutomated }) => ({
            name,
            description,
            star_count: starCount,
            is_official: isOfficial,
            is_automated: isAutomated,
          })),
        },
        { headers: warning === undefined ? [] : ['Warning', staleWarning(warning)] },
      ),
    );
  }
}
