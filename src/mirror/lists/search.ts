import type { Clock } from '../../base/clock.ts';
import { elapsed, within } from '../../base/time-limit.ts';
import { dockerHub } from '../../oci/docker-hub.ts';
import { parseRepositoryName } from '../../oci/reference.ts';
import type { Routing } from '../../oci/routing.ts';
import { notAsked, upstreamTimeLimits } from '../../upstream/failure-policy.ts';
import { UpstreamError, type SearchResult } from '../../upstream/registry.ts';
import type { Gate } from '../access/gate.ts';
import type { SearchAnswer, SearchQuery } from '../mirror.ts';
import type { Upstream } from '../upstream.ts';
import type { Catalog } from './catalog.ts';

export interface SearchDeps {
  readonly routing: Routing<Upstream>;
  readonly catalog: Catalog;
  readonly gate: Gate;
  readonly clock: Clock;
}

/** Searches Docker Hub where it is mirrored and answers, else the names of what is cached. */
export async function search(
  { routing, catalog, gate, clock }: SearchDeps,
  { reader, term, limit, namespace, cachedOnly = false }: SearchQuery,
): Promise<SearchAnswer> {
  gate.admitToCatalog(reader);
  const hub = routing.upstreams.find(
    ({ name, breaker }) =>
      !cachedOnly && !breaker.isOffline && name === dockerHub && (namespace ?? dockerHub) === dockerHub,
  );
  const found = hub && (await searchHub(hub, term, limit, clock));
  if (typeof found === 'object') {
    // What may be mirrored for this reader, as this mirror's clients have to write it.
    const results = found.flatMap((result) => {
      const name = parseRepositoryName(`${dockerHub}/${result.name}`);
      if (name === undefined) return [];
      const [repository] = routing.candidates({ name, namespace: undefined });
      if (!gate.allows(repository, reader)) return [];
      return routing.plain?.name === dockerHub ? [result] : [{ ...result, name }];
    });
    return { results: results.slice(0, limit), warning: undefined };
  }
  const text = term.toLowerCase();
  const page = { reader, last: undefined, limit, namespace };
  const names = await catalog.find(page, (name) => name.includes(text));
  const results = names.map((name) => ({
    name,
    description: '',
    starCount: 0,
    isOfficial: false,
    isAutomated: false,
  }));
  return { results, warning: found };
}

/** What Docker Hub finds, or why it is not known. */
async function searchHub(
  hub: Upstream,
  term: string,
  limit: number,
  clock: Clock,
): Promise<readonly SearchResult[] | string> {
  if (!hub.breaker.admits) return notAsked;
  const registry = hub.anonymous ?? hub.registry;
  const giveUp = new AbortController();
  const { signal } = giveUp;
  try {
    const asking = registry.search(term, limit, { signal });
    const found = await within(clock, upstreamTimeLimits.search, asking);
    return found === elapsed ? 'the search upstream does not answer in time' : found;
  } catch (error) {
    if (error instanceof UpstreamError) return error.message;
    throw error;
  } finally {
    giveUp.abort();
  }
}
