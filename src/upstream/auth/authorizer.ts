import { UpstreamError } from '../registry.ts';
import { abandonable } from './abandonable.ts';
import type { Challenge } from './challenge.ts';
import { basicAuthorization, type CredentialProvider, type Credentials } from './credentials.ts';
import { judgeRealm, type Realm } from './realm.ts';
import { isRepositoryScope, mergeScopes } from './scope.ts';
import type { TokenCache, TokenKey } from './token-cache.ts';
import type { TokenClient } from './token.ts';

/** What a request carries to show its right. */
export interface Authorization {
  /** The value of the `Authorization` header. */
  readonly header: string;
  /** A token from the cache, which a new one may mend; a fresh one, or a password, is as good as it gets. */
  readonly remembered: boolean;
  /** What the token is kept by; undefined for Basic. */
  readonly token: { readonly key: TokenKey; readonly value: string } | undefined;
}

interface BearerScheme {
  readonly type: 'bearer';
  readonly realm: Realm;
  readonly service: string | undefined;
  /** A scope that stands for every repository, such as `aws` of ECR Public. */
  readonly fixedScope: string | undefined;
}

type Scheme = BearerScheme | { readonly type: 'basic' };

export interface AuthorizerOptions {
  readonly upstream: URL;
  readonly credentials: CredentialProvider | undefined;
  readonly tokens: TokenCache;
  readonly tokenClient: TokenClient;
}

/**
 * Knows how one upstream wants requests authorized. Learns it from the first challenge, so that later requests carry
 * their token at once, and from every challenge after that.
 */
export class Authorizer {
  readonly #upstream: URL;
  readonly #credentials: CredentialProvider | undefined;
  readonly #tokens: TokenCache;
  readonly #tokenClient: TokenClient;
  #scheme: Scheme | undefined;

  constructor({ upstream, credentials, tokens, tokenClient }: AuthorizerOptions) {
    this.#upstream = upstream;
    this.#credentials = credentials;
    this.#tokens = tokens;
    this.#tokenClient = tokenClient;
  }

  /** What to send before the upstream has asked; undefined while it never has, or when there is nothing to show. */
  async authorize(scope: string, signal?: AbortSignal): Promise<Authorization | undefined> {
    return this.#scheme === undefined ? undefined : this.#apply(this.#scheme, scope, signal);
  }

  /**
   * What to send after a refusal of `refused`; undefined when there is nothing better to offer.
   * @throws {UpstreamError} `invalid` for a realm that must not be asked; whatever asking the realm fails with
   */
  async renew(
    refused: Authorization | undefined,
    challenges: readonly Challenge[],
    scope: string,
    signal?: AbortSignal,
  ): Promise<Authorization | undefined> {
    const known = this.#scheme;
    const scheme = this.#choose(challenges) ?? known;
    if (scheme === undefined) return undefined;
    this.#scheme = scheme;
    if (refused?.token !== undefined) {
      if (!refused.remembered && known !== undefined && sameScheme(scheme, known)) return undefined;
      this.#tokens.forget(refused.token.key, refused.token.value);
    }
    const renewed = await this.#apply(scheme, scope, signal);
    return renewed?.header === refused?.header ? undefined : renewed;
  }

  /** Bearer before Basic: it shows the password to the token service only. */
  #choose(challenges: readonly Challenge[]): Scheme | undefined {
    for (const { scheme, parameters } of challenges) {
      const realm = parameters.get('realm');
      if (scheme !== 'bearer' || realm === undefined) continue;
      const asked = mergeScopes([parameters.get('scope') ?? '']);
      return {
        type: 'bearer',
        realm: judgeRealm(this.#upstream, realm),
        service: parameters.get('service'),
        // Repository scopes in challenges are not to be trusted (GHCR's has a placeholder): ours is built instead.
        fixedScope: asked === '' || asked.split(' ').some(isRepositoryScope) ? undefined : asked,
      };
    }
    return challenges.some(({ scheme }) => scheme === 'basic') ? { type: 'basic' } : undefined;
  }

  async #apply(
    scheme: Scheme,
    scope: string,
    signal: AbortSignal | undefined,
  ): Promise<Authorization | undefined> {
    const credentials = await this.#currentCredentials(signal);
    if (scheme.type === 'basic') {
      if (credentials === undefined) return undefined;
      if (!('password' in credentials)) throw this.#wantsPassword();
      return { header: basicAuthorization(credentials), remembered: false, token: undefined };
    }
    return this.#bearer(scheme, scheme.fixedScope ?? mergeScopes([scope]), credentials, signal);
  }

  async #bearer(
    { realm, service }: BearerScheme,
    scope: string,
    credentials: Credentials | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Authorization> {
    if (credentials !== undefined && !realm.trusted) {
      throw new UpstreamError(
        'invalid',
        `${this.#upstream.host} asks for its credentials to be sent to ${realm.url.host}, a stranger`,
      );
    }
    if (credentials !== undefined && !('password' in credentials)) throw this.#wantsPassword();
    const key: TokenKey = { account: accountOf(credentials), realm: realm.url, service, scope };
    const { value, remembered } = await this.#tokens.get(
      key,
      () => this.#tokenClient.fetch({ realm: realm.url, service, scope, credentials }),
      signal,
    );
    return { header: `Bearer ${value}`, remembered, token: { key, value } };
  }

  #wantsPassword(): UpstreamError {
    return new UpstreamError(
      'invalid',
      `${this.#upstream.host} wants a password, and a token is configured for it`,
    );
  }

  async #currentCredentials(signal: AbortSignal | undefined): Promise<Credentials | undefined> {
    if (this.#credentials === undefined) return undefined;
    try {
      return await abandonable(this.#credentials.get(this.#upstream.host), signal);
    } catch (cause) {
      if (cause instanceof UpstreamError) throw cause;
      throw new UpstreamError('unavailable', `no credentials for ${this.#upstream.host} could be got`, {
        cause,
      });
    }
  }
}

function accountOf(credentials: Credentials | undefined): string | undefined {
  return credentials === undefined ? undefined : JSON.stringify(credentials);
}

function sameScheme(one: Scheme, other: Scheme): boolean {
  if (one.type === 'basic' || other.type === 'basic') return one.type === other.type;
  return (
    one.realm.url.href === other.realm.url.href &&
    one.service === other.service &&
    one.fixedScope === other.fixedScope
  );
}
