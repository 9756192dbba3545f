import type { Clock } from '../../base/clock.ts';
import { registryErrors, type RegistryError } from '../../oci/error.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { AccessErrorReply } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import { imageListPath } from '../image-list.ts';
import { Throttle } from '../throttle.ts';
import { noLogin, refusedLogin, type AuthScheme, type ChallengeSubject, type Login } from './auth-scheme.ts';

const quietMs = 60_000;

const loginHelps = 'no such image, or one for those who have logged in to this mirror';

interface AuthenticatorDeps {
  readonly schemes: readonly AuthScheme[];
  /** Whether all have to log in: until a client has, it is told nothing else. */
  readonly closed: boolean;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Authenticates requests by the configured schemes, and answers with challenges where a login may help. */
export class Authenticator {
  readonly #deps: AuthenticatorDeps;
  readonly #schemes: ReadonlyMap<string, AuthScheme>;
  readonly #failures: Throttle;

  constructor(deps: AuthenticatorDeps) {
    this.#deps = deps;
    this.#schemes = new Map(deps.schemes.map((scheme) => [scheme.name, scheme]));
    this.#failures = new Throttle(deps.clock, quietMs);
  }

  /**
   * Sets `exchange.login`. Credentials that are not ours count as none: dockerd sends a mirror its account at
   * Docker Hub. Rejects with RegistryError for a token that is ours and invalid: the client can get another.
   */
  async authenticate(exchange: Exchange): Promise<void> {
    const client = exchange.client ?? '';
    exchange.login = await this.login(exchange.request.header('authorization'), client);
    const { outcome } = exchange.login;
    if (outcome === 'refused' || outcome === 'invalid') {
      this.#failures.run((suppressed) =>
        this.#deps.logger.warn(
          { client, requestId: exchange.id, suppressed },
          outcome === 'invalid'
            ? 'a token was refused: it has expired, or its issuer, audience or key is not the configured one'
            : 'a login was refused: no such account, or a wrong password',
        ),
      );
    }
    if (outcome === 'invalid') throw registryErrors.unauthorized('the token is not valid');
  }

  /** Checks an `Authorization` header. Rejects with RegistryError when that cannot be done now. */
  async login(authorization: string | undefined, client: string): Promise<Login> {
    if (authorization === undefined) return noLogin;
    const [, name = '', credentials = ''] = /^([a-z]+) +(\S+) *$/i.exec(authorization) ?? [];
    const scheme = this.#schemes.get(name.toLowerCase());
    return scheme === undefined ? refusedLogin : await scheme.login(credentials, client);
  }

  /** Values of `WWW-Authenticate`, one a scheme. */
  challenges(subject: ChallengeSubject = {}): readonly string[] {
    return [...this.#schemes.values()].map((scheme) => scheme.challenge(subject));
  }

  /** How errors become answers here: with a challenge, where a login may help. */
  readonly errorReply: AccessErrorReply = (exchange, thrown) => {
    const error = this.#shownError(exchange, thrown);
    if (error.status !== 401) return { error, headers: [] };
    const { repository } = error;
    const challenges = this.challenges({
      scope: scope(exchange, repository),
      error: tokenError(exchange, repository),
    });
    return { error, headers: challenges.flatMap((challenge) => ['WWW-Authenticate', challenge]) };
  };

  /**
   * What is hidden is a 401 and a challenge, whether it is private or does not exist: a 404 would not say
   * that there is something to log in to. Many clients never ask `/v2/`, where they would be told; podman and
   * crane do, and still say "manifest unknown" of a 404.
   */
  #shownError(exchange: Exchange, error: RegistryError): RegistryError {
    const { hidden, repository } = error;
    if (hidden) return registryErrors.unauthorized(loginHelps, { repository, cause: error });
    return this.#isKeptFrom(exchange, error)
      ? registryErrors.loginRequired({ repository, cause: error })
      : error;
  }

  /** Whether the client has to log in before it is told this error. Trouble may be told to all. */
  #isKeptFrom({ login }: Exchange, { status }: RegistryError): boolean {
    if (!this.#deps.closed || login === undefined || login.outcome === 'accepted') return false;
    return status >= 400 && status < 500 && status !== 401 && status !== 429;
  }
}

/** What is wrong with the request's token, if it has one. */
function tokenError(
  { login, request, reader }: Exchange,
  repository: string | undefined,
): ChallengeSubject['error'] {
  if (login?.outcome === 'invalid') return 'invalid_token';
  const granted = action(request.method) === 'delete' ? reader.deletable : reader.repositories;
  const isGranted = granted === undefined || repository === undefined || granted.has(repository);
  return isGranted ? undefined : 'insufficient_scope';
}

/** What lists what there is. */
const catalogs: ReadonlySet<string> = new Set(['/v2/_catalog', imageListPath]);

/**
 * What a token has to grant, in registry:2's words. Ours need not grant the catalog, but web pages get a
 * token only where a challenge has a scope.
 */
function scope({ request }: Exchange, repository: string | undefined): string | undefined {
  if (repository !== undefined) return `repository:${repository}:${action(request.method)}`;
  return catalogs.has(request.path) ? 'registry:catalog:*' : undefined;
}

function action(method: string): 'pull' | 'delete' {
  return method === 'DELETE' ? 'delete' : 'pull';
}
