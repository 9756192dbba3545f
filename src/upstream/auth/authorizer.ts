import { UpstreamError } from '../registry.ts';
import { abandonable } from './abandonable.ts';
import type { Challenge } from './challenge.ts';
import { basicAuthorization, type BasicCredentials } from '../../base/basic-auth.ts';
import {
  fingerprint,
  secretsOf,
  type CredentialProvider,
  type Credentials,
  type IdentityToken,
} from './credentials.ts';
import { distrustOf, judgeRealm, type IsNamed, type Realm } from './realm.ts';
import { chooseScheme, sameScheme, type BearerScheme, type Scheme } from './scheme.ts';
import { mergeScopes } from './scope.ts';
import type { RenewingCache } from './renewing-cache.ts';
import { tokenId, type TokenClient } from './token.ts';

/** The authorization of one request. */
export interface Authorization {
  /** The value of the `Authorization` header. */
  readonly header: string;
  /** Whether a new token may help after a refusal: true for one from the cache. */
  readonly remembered: boolean;
  /** The token and its id in the cache; undefined for credentials that are sent to the upstream itself. */
  readonly token: { readonly id: string; readonly value: string } | undefined;
  /** Secrets that must not appear in a message about the answer. */
  readonly secrets: readonly string[];
}

interface AuthorizerDeps {
  readonly upstream: URL;
  readonly credentials: CredentialProvider | undefined;
  readonly tokens: RenewingCache<string>;
  readonly tokenClient: TokenClient;
  /** Which hosts the operator has named for this upstream. */
  readonly isNamed: IsNamed;
}

/** How one upstream wants requests authorized, learned from its challenges. */
export class Authorizer {
  readonly #deps: AuthorizerDeps;
  #scheme: Scheme | undefined;

  constructor(deps: AuthorizerDeps) {
    this.#deps = deps;
  }

  /** What to send with a first request; undefined before any challenge, or with nothing to show. */
  async authorize(scope: string, signal?: AbortSignal): Promise<Authorization | undefined> {
    return this.#scheme === undefined ? undefined : this.#apply(this.#scheme, scope, signal);
  }

  /**
   * What to send after a refusal of `refused`; undefined when there is nothing better.
   * @throws {UpstreamError} `invalid` for a realm that must not be asked, or why there is no token
   */
  async renew(
    refused: Authorization | undefined,
    challenges: readonly Challenge[],
    scope: string,
    signal?: AbortSignal,
  ): Promise<Authorization | undefined> {
    const known = this.#scheme;
    const scheme = chooseScheme(this.#deps.upstream, challenges, this.#deps.isNamed) ?? known;
    if (scheme === undefined) return undefined;
    this.#scheme = scheme;
    if (refused?.token !== undefined) {
      if (!refused.remembered && known !== undefined && sameScheme(scheme, known)) return undefined;
      this.#deps.tokens.forget(refused.token.id, refused.token.value);
    }
    const renewed = await this.#apply(scheme, scope, signal);
    if (renewed?.header !== refused?.header) return renewed;
    if (refused === undefined || refused.token !== undefined) return undefined;
    this.#deps.credentials?.refused?.(this.#deps.upstream.host);
    const replaced = await this.#apply(scheme, scope, signal);
    return replaced?.header === refused.header ? undefined : replaced;
  }

  async #apply(
    scheme: Scheme,
    scope: string,
    signal: AbortSignal | undefined,
  ): Promise<Authorization | undefined> {
    const credentials = await this.#currentCredentials(signal);
    if (scheme.type === 'basic') return this.#basic(credentials);
    if (credentials !== undefined && 'registryToken' in credentials) {
      return shown(`Bearer ${credentials.registryToken}`, credentials);
    }
    const asked = scheme.fixedScope ?? mergeScopes([scope]);
    try {
      return await this.#bearer(scheme, asked, credentials, signal);
    } catch (error) {
      const refused = error instanceof UpstreamError && error.kind === 'unauthorized';
      if (!refused || credentials === undefined) throw error;
      const others = await this.#replacementOf(credentials, signal);
      if (others === undefined) throw error;
      return this.#bearer(scheme, asked, others, signal);
    }
  }

  #basic(credentials: Credentials | undefined): Authorization | undefined {
    if (credentials === undefined) return undefined;
    if ('password' in credentials) return shown(basicAuthorization(credentials), credentials);
    const { host } = this.#deps.upstream;
    const message = `${host} asks for a user name and a password, but its configured credentials are a token`;
    throw new UpstreamError('invalid', message);
  }

  async #bearer(
    { realm, service }: BearerScheme,
    scope: string,
    credentials: BasicCredentials | IdentityToken | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Authorization> {
    const { upstream, isNamed, tokens, tokenClient } = this.#deps;
    if (credentials !== undefined && !realm.trusted) {
      throw distrustOf(realm, `${upstream.host} asks for its credentials to be sent to`);
    }
    const judge = (location: string): Realm => judgeRealm(upstream, location, isNamed);
    const account = credentials === undefined ? undefined : fingerprint(credentials);
    const id = tokenId({ account, realm: realm.url, service, scope });
    const request = { realm: realm.url, judge, service, scope, credentials };
    const { value, remembered } = await tokens.get(id, () => tokenClient.fetch(request), signal);
    return { header: `Bearer ${value}`, remembered, token: { id, value }, secrets: [value] };
  }

  /** Other credentials than those that the token service refused; undefined when there are none. */
  async #replacementOf(
    refused: Credentials,
    signal: AbortSignal | undefined,
  ): Promise<BasicCredentials | IdentityToken | undefined> {
    this.#deps.credentials?.refused?.(this.#deps.upstream.host);
    const others = await this.#currentCredentials(signal);
    if (others === undefined || 'registryToken' in others) return undefined;
    return fingerprint(others) === fingerprint(refused) ? undefined : others;
  }

  async #currentCredentials(signal: AbortSignal | undefined): Promise<Credentials | undefined> {
    const { credentials, upstream } = this.#deps;
    if (credentials === undefined) return undefined;
    try {
      return await abandonable(credentials.get(upstream.host), signal);
    } catch (cause) {
      if (cause instanceof UpstreamError) throw cause;
      const message = `no credentials for ${upstream.host} could be obtained`;
      throw new UpstreamError('unavailable', message, { cause });
    }
  }
}

/** Credentials that are sent to the upstream itself, not to a token service. */
function shown(header: string, credentials: Credentials): Authorization {
  return { header, remembered: false, token: undefined, secrets: secretsOf(credentials) };
}
