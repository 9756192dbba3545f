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

/** Requested by dockerd before a search. `standalone`: searches and logins are for this registry. */
export function searchPing(exchange: Exchange): Response {
  const headers = ['X-Docker-Registry-Version', apiVersion, 'X-Docker-Registry-Standalone', 'true'];
  return exchange.reply(jsonReply({ version: apiVersion, standalone: true }, { headers }));
}

/**
 * `docker search HOST/term`, which dockerd still asks by the first version of the registry's API.
 * @see https://github.com/moby/moby/blob/v28.0.0/registry/search_endpoint_v1.go
 */
export async function search(mirror: Mirror, exchange: Exchange): Promise<Response> {
  const term = (exchange.request.query('q') ?? '').trim();
  if (term === '') throw new RegistryError('UNSUPPORTED', 400, 'a search needs a term: /v1/search?q=TERM');
  if (term.length > maxTermLength || /\p{Cc}/u.test(term))
    throw registryErrors.nameInvalid(term.slice(0, 64));
  const { n = defaultResults } = pageRequest(exchange);
  const namespace = boundUpstream(exchange);
  const limit = Math.min(n, maxResults);
  const { reader, isFromWebPage: cachedOnly } = exchange;
  const { results, warning } = await mirror.search({ reader, term, limit, namespace, cachedOnly });
  const found = results.map(({ name, description, starCount, isOfficial, isAutomated }) => ({
    name,
    description,
    star_count: starCount,
    is_official: isOfficial,
    is_automated: isAutomated,
  }));
  const headers = warning === undefined ? [] : ['Warning', staleWarning(warning)];
  return exchange.reply(jsonReply({ query: term, num_results: found.length, results: found }, { headers }));
}
