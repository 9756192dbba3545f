import type { Clock } from '../../base/clock.ts';
import { answerError } from '../answer-error.ts';
import { headerLines } from '../headers.ts';
import type { Sender, UpstreamRequest, UpstreamResponse } from '../http-message.ts';
import type { Authorization, Authorizer } from './authorizer.ts';
import { parseChallenges } from './challenge.ts';

/** Sends requests with the authorization that the upstream wants, and once more with a better one when it is refused. */
export class AuthorizedSender {
  readonly #sender: Sender;
  readonly #authorizer: Authorizer;
  readonly #clock: Clock;

  constructor(sender: Sender, authorizer: Authorizer, clock: Clock) {
    this.#sender = sender;
    this.#authorizer = authorizer;
    this.#clock = clock;
  }

  /**
   * Resolves to the upstream's answer, of any status.
   * @throws {UpstreamError} `unauthorized` when the upstream refuses and no other authorization is to be had
   */
  async send(request: UpstreamRequest, scope: string): Promise<UpstreamResponse> {
    const authorization = await this.#authorizer.authorize(scope, request.signal);
    const response = await this.#show(request, authorization);
    if (!isRefusal(response, request, authorization)) return response;
    // Reads the body, so that no connection is held while a token is fetched, perhaps over the same few.
    const refusal = await answerError(response, this.#clock.now());
    const challenges = parseChallenges(headerLines(response.headers, 'www-authenticate'));
    const renewed = await this.#authorizer.renew(authorization, challenges, scope, request.signal);
    if (renewed === undefined) throw refusal;
    return this.#show(request, renewed);
  }

  async #show(request: UpstreamRequest, authorization: Authorization | undefined): Promise<UpstreamResponse> {
    if (authorization === undefined) return this.#sender.send(request);
    const { header, secrets } = authorization;
    const headers = { ...request.headers, authorization: header };
    const answer = await this.#sender.send({ ...request, headers });
    return {
      ...answer,
      secrets,
      wasShownPassword: isPassword(authorization) && answer.url.origin === request.url.origin,
    };
  }
}

/** Whether the upstream itself is shown a secret that does not change from one request to the next. */
function isPassword({ token }: Authorization): boolean {
  return token === undefined;
}

/**
 * A host that was redirected to may not ask for tokens. ECR Public answers 400 to an expired token, ECR 403 to an expired
 * password.
 */
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
