import type { Clock } from '../../base/clock.ts';
import { getOrMake } from '../../base/get-or-make.ts';
import { lru } from '../../base/lru.ts';
import { parseRepositoryName } from '../../oci/reference.ts';
import { answerError } from '../answer-error.ts';
import { headerLines } from '../headers.ts';
import type { Sender, UpstreamRequest, UpstreamResponse } from '../http-message.ts';
import { withoutAuthorization } from '../redirect.ts';
import type { Authorization, Authorizer } from './authorizer.ts';
import { parseChallenges, type Challenge } from './challenge.ts';
import { pullScope } from './scope.ts';

const maxRegistries = 100;

interface AuthorizedSenderDeps {
  /** Follows redirects. */
  readonly sender: Sender;
  /** The upstream's. */
  readonly authorizer: Authorizer;
  /** Makes an authorizer without credentials for another registry, which the upstream redirects to. */
  readonly guestAt: (registry: URL) => Authorizer;
  readonly clock: Clock;
}

/**
 * Sends requests with the authorization that the upstream wants, and once more with a better one when it is
 * refused. A registry that it redirects to, as registry.k8s.io does, gets an anonymous token, and never its
 * credentials.
 */
export class AuthorizedSender {
  readonly #deps: AuthorizedSenderDeps;
  readonly #guests = lru<string, Authorizer>(maxRegistries);

  constructor(deps: AuthorizedSenderDeps) {
    this.#deps = deps;
  }

  /**
   * The answer, of any status.
   * @throws {UpstreamError} `unauthorized` when the upstream refuses and there is no other authorization to
   *   try
   */
  async send(request: UpstreamRequest, scope: string): Promise<UpstreamResponse> {
    const { authorizer, clock } = this.#deps;
    const authorization = await authorizer.authorize(scope, request.signal);
    const response = await this.#show(request, authorization);
    if (!isRefusal(response, request, authorization)) return response;
    // Reads the body, so that no connection is held while a token is fetched, perhaps over the same few.
    const refusal = await answerError(response, clock.now());
    const renewed = await authorizer.renew(authorization, challengesOf(response), scope, request.signal);
    if (renewed === undefined) throw refusal;
    return this.#show(request, renewed);
  }

  async #show(request: UpstreamRequest, authorization: Authorization | undefined): Promise<UpstreamResponse> {
    if (authorization === undefined) return this.#sendOn(request);
    const { header, secrets } = authorization;
    const answer = await this.#sendOn(withAuthorization(request, header));
    return {
      ...answer,
      secrets,
      wasShownPassword: isPassword(authorization) && answer.url.origin === request.url.origin,
    };
  }

  /** The answer, also where it is that of another registry which wants a token. */
  async #sendOn(request: UpstreamRequest): Promise<UpstreamResponse> {
    const { sender } = this.#deps;
    const response = await sender.send(request);
    const { status, url, body } = response;
    const scope = scopeOf(url);
    if (status !== 401 || url.origin === request.url.origin || scope === undefined) return response;
    const challenges = challengesOf(response);
    if (!challenges.some(({ scheme }) => scheme === 'bearer')) return response;
    body.discard();
    const guest = getOrMake(this.#guests, url.origin, () => this.#deps.guestAt(new URL(url.origin)));
    const known = await guest.authorize(scope, request.signal);
    const shown = known ?? (await guest.renew(undefined, challenges, scope, request.signal));
    const answer = await sender.send(withAuthorization({ ...request, url }, shown?.header));
    if (answer.status !== 401 || known === undefined) return answer;
    const renewed = await guest.renew(known, challenges, scope, request.signal);
    if (renewed === undefined) return answer;
    answer.body.discard();
    return sender.send(withAuthorization({ ...request, url }, renewed.header));
  }
}

function challengesOf({ headers }: UpstreamResponse): readonly Challenge[] {
  return parseChallenges(headerLines(headers, 'www-authenticate'));
}

/** A request with that `Authorization` and no other. */
function withAuthorization(request: UpstreamRequest, header: string | undefined): UpstreamRequest {
  const plain = withoutAuthorization(request);
  return header === undefined ? plain : { ...plain, headers: { ...plain.headers, authorization: header } };
}

/** What a pull from the repository in a registry's URL needs; undefined for any other URL. */
function scopeOf({ pathname }: URL): string | undefined {
  const text = /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\/[^/]+$/.exec(pathname)?.[1];
  const repository = text === undefined ? undefined : parseRepositoryName(text);
  return repository === undefined ? undefined : pullScope(repository);
}

/** Whether the upstream itself is shown a secret that does not change from one request to the next. */
function isPassword({ token }: Authorization): boolean {
  return token === undefined;
}

/** Not of a redirect's host. ECR Public answers 400 to an expired token, ECR 403 to an old password. */
function isRefusal(
  { status, url }: UpstreamResponse,
  request: UpstreamRequest,
  authorization: Authorization | undefined,
): boolean {
  if (url.origin !== request.url.origin) return false;
  if (status === 400) return authorization?.remembered === true;
  if (status === 403) return authorization !== undefined && isPassword(authorization);
  return status === 401;
}
