import type { Clock } from '../../base/clock.ts';
import { lru } from '../../base/lru.ts';
import { answerError } from '../answer-error.ts';
import { readDecoded } from '../content-encoding.ts';
import type { Sender, UpstreamRequest, UpstreamResponse } from '../http-message.ts';
import { UpstreamError } from '../registry.ts';
import { basicAuthorization, type BasicCredentials } from '../../base/basic-auth.ts';
import { secretsOf, type IdentityToken } from './credentials.ts';
import type { Realm } from './realm.ts';
import type { Perishable } from './renewing-cache.ts';
import { parseTokenAnswer, type TokenAnswer } from './token-answer.ts';
import { sendToTokenService } from './token-redirects.ts';

/** A bearer token and its life. */
export type Token = Perishable<string>;

/** What a token is kept by. */
export interface TokenKey {
  /** The credentials' fingerprint, undefined for none. A new password makes another account. */
  readonly account: string | undefined;
  readonly realm: URL;
  readonly service: string | undefined;
  /** Merged and sorted. */
  readonly scope: string;
}

/** The same text for the same key, as the id of a token in a cache. */
export function tokenId({ account, realm, service, scope }: TokenKey): string {
  return JSON.stringify([account ?? null, realm.href, service ?? null, scope]);
}

/** What a token is asked for. */
interface TokenRequest {
  readonly realm: URL;
  /** Judges where the realm redirects to. */
  readonly judge: (location: string) => Realm;
  /** Some token services (Artifact Registry) know none. */
  readonly service: string | undefined;
  /** Apart by blanks; empty for none. */
  readonly scope: string;
  readonly credentials: BasicCredentials | IdentityToken | undefined;
}

type IdentityRequest = TokenRequest & { readonly credentials: IdentityToken };

const maxTokenBytes = 1024 * 1024;
const maxRefreshTokens = 100;

/** The OAuth2 client. Token services show it among an account's sessions. */
const clientId = 'entrepot';

/**
 * Asks token services for tokens: with GET, and a password if there is one; with an OAuth2 POST for identity
 * tokens.
 * @see https://distribution.github.io/distribution/spec/auth/token/
 * @see https://distribution.github.io/distribution/spec/auth/oauth/
 */
export class TokenClient {
  /** Given out in place of configured identity tokens; not written back: configuration is the operator's. */
  readonly #refreshTokens = lru<string, string>(maxRefreshTokens);
  readonly #sender: Sender;
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  /** @param timeoutMs milliseconds within which an answer's body must be there */
  constructor(sender: Sender, clock: Clock, timeoutMs: number) {
    this.#sender = sender;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws {UpstreamError} `unauthorized` for refused credentials; never `not-found`, the image's */
  async fetch(request: TokenRequest): Promise<Token> {
    const since = this.#clock.now();
    const { value, lifetime } = isIdentityRequest(request)
      ? await this.#exchange(request)
      : await this.#get(request);
    return { value, since, expiresAt: since + lifetime * 1000 };
  }

  async #get({ realm, judge, service, scope, credentials }: TokenRequest): Promise<TokenAnswer> {
    const url = withoutHash(realm);
    if (service !== undefined) url.searchParams.set('service', service);
    // One parameter per resource; none for a token without scopes, which is good for `/v2/` only.
    for (const part of scope.split(' ')) if (part !== '') url.searchParams.append('scope', part);
    const basic = credentials !== undefined && 'password' in credentials ? credentials : undefined;
    return this.#answer(
      {
        method: 'GET',
        url,
        headers: basic === undefined ? {} : { authorization: basicAuthorization(basic) },
      },
      judge,
      secretsOf(basic),
    );
  }

  /** Refresh tokens may be good for one use: where another request has used one, its successor is tried. */
  async #exchange(request: IdentityRequest): Promise<TokenAnswer> {
    const { realm, credentials } = request;
    const { identityToken } = credentials;
    const id = JSON.stringify([realm.href, identityToken]);
    const tried = new Set<string>();
    for (;;) {
      const refreshToken = this.#refreshTokens.get(id) ?? identityToken;
      tried.add(refreshToken);
      try {
        const answer = await this.#post(request, refreshToken);
        const next = answer.refreshToken ?? refreshToken;
        if (next !== refreshToken) this.#refreshTokens.set(id, next);
        return answer;
      } catch (error) {
        if (!(error instanceof UpstreamError) || error.kind !== 'unauthorized') throw error;
        if (this.#refreshTokens.peek(id) === refreshToken) this.#refreshTokens.delete(id);
        if (tried.has(this.#refreshTokens.peek(id) ?? identityToken)) throw error;
      }
    }
  }

  #post({ realm, judge, service, scope }: IdentityRequest, refreshToken: string): Promise<TokenAnswer> {
    const form = new URLSearchParams({ grant_type: 'refresh_token' });
    if (service !== undefined) form.set('service', service);
    form.set('client_id', clientId);
    if (scope !== '') form.set('scope', scope);
    form.set('refresh_token', refreshToken);
    return this.#answer(
      {
        method: 'POST',
        url: withoutHash(realm),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: form.toString(),
      },
      judge,
      secretsOf({ identityToken: refreshToken }),
    );
  }

  async #answer(
    { headers, ...rest }: Omit<UpstreamRequest, 'pool'>,
    judge: TokenRequest['judge'],
    secrets: readonly string[],
  ): Promise<TokenAnswer> {
    const request: UpstreamRequest = {
      ...rest,
      headers: { accept: 'application/json', ...headers },
      pool: 'metadata',
    };
    const answer = await sendToTokenService(this.#sender, request, {
      judge,
      withAccount: secrets.length > 0,
    });
    const response = { ...answer, secrets };
    if (response.status !== 200) {
      throw judged(await answerError(response, this.#clock.now()), request, response);
    }
    const bytes = await readDecoded(response, maxTokenBytes, this.#timeoutMs);
    return parseTokenAnswer(bytes, response.url.host, response.headers);
  }
}

function isIdentityRequest(request: TokenRequest): request is IdentityRequest {
  return request.credentials !== undefined && 'identityToken' in request.credentials;
}

function withoutHash(realm: URL): URL {
  const url = new URL(realm);
  url.hash = '';
  return url;
}

/** The kind of error that a token service's status means, which differs from a registry's. */
function judged(
  error: UpstreamError,
  { method, url }: UpstreamRequest,
  { status }: UpstreamResponse,
): UpstreamError {
  const { message, retryAfter } = error;
  const options = { status, retryAfter, isOfLogin: true };
  if (method === 'POST' && (status === 404 || status === 405)) {
    // Docker gives up here too: an identity token is no password that could be tried with GET.
    return new UpstreamError('invalid', `${url.host} takes no identity tokens: POST is ${status}`, options);
  }
  // OAuth2 answers 400 to a refresh token that is no good: https://www.rfc-editor.org/rfc/rfc6749#section-5.2
  if (method === 'POST' && status === 400) return new UpstreamError('unauthorized', message, options);
  const kind = error.kind === 'not-found' || error.kind === 'range' ? 'invalid' : error.kind;
  return new UpstreamError(kind, message, options);
}
