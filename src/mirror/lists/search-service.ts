import type { Clock } from '../../base/clock.ts';
import { dockerHub } from '../../oci/docker-hub.ts';
import { parseRepositoryName } from '../../oci/reference.ts';
import { UpstreamError, type SearchResult } from '../../upstream/registry.ts';
import type { Gate } from '../access/gate.ts';
import { notAsked, upstreamTimeLimits } from '../../upstream/failure-policy.ts';
import type { Catalog } from './catalog.ts';
import type { SearchAnswer, SearchQuery } from '../mirror.ts';
import { elapsed, within } from '../../base/time-limit.ts';
import type { Reader } from '../access/reader.ts';
import type { Routing } from '../../oci/routing.ts';
import type { Upstream } from '../upstream.ts';

export interface SearchServiceOptions {
  readonly routing: Routing<Upstream>;
  readonly catalog: Catalog;
  readonly gate: Gate;
  readonly clock: Clock;
}

/** Searches: Docker Hub's where it is mirrored and answers, else through the names of what is cached. */
export class SearchService {
  readonly #routing: Routing<Upstream>;
  readonly #catalog: Catalog;
  readonly #gate: Gate;
  readonly #clock: Clock;

  constructor({ routing, catalog, gate, clock }: SearchServiceOptions) {
    this.#routing = routing;
    this.#catalog = catalog;
    this.#gate = gate;
    this.#clock = clock;
  }

  async search({ reader, term, limit, namespace, cachedOnly = false }: SearchQuery): Promise<SearchAnswer> {
    this.#gate.admitToCatalog(reader);
    const hub = this.#routing.upstreams.find(
      ({ name }) => !cachedOnly && name === dockerHub && (namespace ?? dockerHub) === dockerHub,
    );
    let warning: string | undefined;
    if (hub !== undefined) {
      const found = await this.#ask(hub, term, limit);
      if (typeof found !== 'string') {
        return { results: this.#allowed(found, reader).slice(0, limit), warning: undefined };
      }
      warning = found;
    }
    const wanted = term.toLowerCase();
    const page = { reader, last: undefined, limit, namespace };
    const names = await this.#catalog.find(page, (name) => name.includes(wanted));
    return { results: names.map(cached), warning };
  }

  /** What Docker Hub finds, or why it is not known. */
  async #ask(hub: Upstream, term: string, limit: number): Promise<readonly SearchResult[] | string> {
    if (!hub.breaker.admits) return notAsked;
    const registry = hub.anonymous ?? hub.registry;
    const giveUp = new AbortController();
    const { signal } = giveUp;
    try {
      const found = await within(
        this.#clock,
        upstreamTimeLimits.search,
        registry.search(term, limit, { signal }),
      );
      return found === elapsed ? 'the search upstream does not answer in time' : found;
    } catch (error) {
      if (error instanceof UpstreamError) return error.message;
      throw error;
    } finally {
      giveUp.abort();
    }
  }

  /** What may be mirrored for this reader, as this mirror's clients have to write it. */
  #allowed(found: readonly SearchResult[], reader: Reader): readonly SearchResult[] {
    return found.flatMap((result) => {
      const name = parseRepositoryName(`${dockerHub}/${result.name}`);
      if (name === undefined) return [];
      const [repository] = this.#routing.candidates({ name, namespace: undefined });
      if (!this.#gate.allows(repository, reader)) return [];
      return this.#routing.plain?.name === dockerHub ? [result] : [{ ...result, name }];
    });
  }
}

function cached(name: string): SearchResult {
  return { name, description: '', starCount: 0, isOfficial: false, isAutomated: false };
}
