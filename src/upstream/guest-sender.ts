import { LRUCache } from 'lru-cache';
import type { Authorizer } from './auth/authorizer.ts';
import { parseChallenges } from './auth/challenge.ts';
import { pullScope } from './auth/scope.ts';
import { headerLines } from './headers.ts';
import type { Sender, UpstreamRequest, UpstreamResponse } from './http-message.ts';
import { parseRepositoryName } from '../oci/reference.ts';

const maxHosts = 100;

/**
 * Follows a redirect to another registry, as from registry.k8s.io: if that one answers with a challenge, it is sent an
 * anonymous token for the repository in its own URL. It never gets the upstream's credentials.
 */
export class GuestSender implements Sender {
  readonly #sender: Sender;
  readonly #authorizerOf: (registry: URL) => Authorizer;
  readonly #authorizers = new LRUCache<string, Authorizer>({ max: maxHosts });

  /** @param authorizerOf makes an authorizer without credentials for another registry */
  constructor(sender: Sender, authorizerOf: (registry: URL) => Authorizer) {
    this.#sender = sender;
    this.#authorizerOf = authorizerOf;
  }

  async send(request: UpstreamRequest): Promise<UpstreamResponse> {
    const response = await this.#sender.send(request);
    const { status, url, headers, body } = response;
    const scope = scopeOf(url);
    if (status !== 401 || url.origin === request.url.origin || scope === undefined) return response;
    const challenges = parseChallenges(headerLines(headers, 'www-authenticate'));
    if (!challenges.some(({ scheme }) => scheme === 'bearer')) return response;
    body.discard();
    const authorizer = this.#authorizer(new URL(url.origin));
    const known = await authorizer.authorize(scope, request.signal);
    const guest = known ?? (await authorizer.renew(undefined, challenges, scope, request.signal));
    const answer = await this.#sender.send(shown(request, url, guest?.header));
    if (answer.status !== 401 || known === undefined) return answer;
    const renewed = await authorizer.renew(known, challenges, scope, request.signal);
    if (renewed === undefined) return answer;
    answer.body.discard();
    return this.#sender.send(shown(request, url, renewed.header));
  }

  #authorizer(registry: URL): Authorizer {
    const known = this.#authorizers.get(registry.origin);
    if (known !== undefined) return known;
    const authorizer = this.#authorizerOf(registry);
    this.#authorizers.set(registry.origin, authorizer);
    return authorizer;
  }
}

function shown(request: UpstreamRequest, url: URL, authorization: string | undefined): UpstreamRequest {
  const { authorization: _, ...headers } = request.headers;
  return { ...request, url, headers: authorization === undefined ? headers : { ...headers, authorization } };
}

/** What a pull from the repository in a registry's URL needs; undefined for any other URL. */
function scopeOf({ pathname }: URL): string | undefined {
  const text = /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\/[^/]+$/.exec(pathname)?.[1];
  const repository = text === undefined ? undefined : parseRepositoryName(text);
  return repository === undefined ? undefined : pullScope(repository);
}
