import type { Clock } from '../../base/clock.ts';
import { registryErrors, type RegistryError } from '../../oci/error.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Exchange } from '../exchange.ts';
import type { HeaderList } from '../reply.ts';
import { Throttle } from '../throttle.ts';
import type { Authenticator } from './authenticator.ts';
import type { Reception } from './reception.ts';

const quietMs = 60_000;

const loginHelps = 'no such image, or one for those who have logged in to this mirror';

export interface DoorkeeperOptions {
  readonly authenticator: Authenticator;
  /** Whether all have to log in: then nothing else is said to who has not. */
  readonly closed: boolean;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Authenticates a request before it is handled, and answers with a challenge where logging in may help. */
export class Doorkeeper implements Reception {
  readonly #authenticator: Authenticator;
  readonly #closed: boolean;
  readonly #logger: Logger;
  readonly #failures: Throttle;

  constructor({ authenticator, closed, logger, clock }: DoorkeeperOptions) {
    this.#authenticator = authenticator;
    this.#closed = closed;
    this.#logger = logger;
    this.#failures = new Throttle(clock, quietMs);
  }

  /**
   * Sets `exchange.login`. Credentials that are not ours count as none: dockerd offers a mirror its account at Docker Hub.
   * Rejects with RegistryError for a token that is ours and invalid: a client that has one can get another.
   */
  async admit(exchange: Exchange): Promise<void> {
    const client = exchange.client ?? '';
    exchange.login = await this.#authenticator.login(exchange.header('authorization'), client);
    const { outcome } = exchange.login;
    if (outcome === 'refused' || outcome === 'invalid') {
      this.#failures.run((suppressed) =>
        this.#logger.warn(
          { client, requestId: exchange.id, suppressed },
          outcome === 'invalid'
            ? 'a token was refused: it has expired, or its issuer, audience or key is not the configured one'
            : 'a login was refused: no such account, or a wrong password',
        ),
      );
    }
    if (outcome === 'invalid') throw registryErrors.unauthorized('the token is not valid');
  }

  /**
   * What is hidden is a 401 and a challenge, for what is private as for what does not exist: to a client that
   * shows nothing, or nothing that counts here, a 404 would not say that there is something to log in to.
   * Many never ask `/v2/`, where they would hear of it; podman and crane do, and say "manifest unknown" of a
   * 404 all the same.
   */
  errorFor(exchange: Exchange, error: RegistryError): RegistryError {
    const { hidden, repository } = error;
    if (hidden) return registryErrors.unauthorized(loginHelps, { repository, cause: error });
    return this.#isKeptOut(exchange, error)
      ? registryErrors.loginRequired({ repository, cause: error })
      : error;
  }

  challenges(exchange: Exchange, { status, repository }: RegistryError): HeaderList {
    if (status !== 401) return [];
    const error =
      exchange.login?.outcome === 'invalid'
        ? 'invalid_token'
        : lacksScope(exchange, repository)
          ? 'insufficient_scope'
          : undefined;
    return this.#authenticator
      .challenges({ scope: scope(exchange, repository), error })
      .flatMap((challenge) => ['WWW-Authenticate', challenge]);
  }

  /** Whether an error would tell who has not logged in more than that all have to. Trouble may be told. */
  #isKeptOut({ login }: Exchange, { status }: RegistryError): boolean {
    if (!this.#closed || login === undefined || login.outcome === 'accepted') return false;
    return status >= 400 && status < 500 && status !== 401 && status !== 429;
  }
}

/** Whether the request has a token that does not grant what is asked for. */
function lacksScope(exchange: Exchange, repository: string | undefined): boolean {
  const { repositories, deletable } = exchange.reader;
  const granted = action(exchange) === 'delete' ? deletable : repositories;
  return granted !== undefined && repository !== undefined && !granted.has(repository);
}

/**
 * What a token has to grant, in registry:2's words. Those of ours need not grant the catalog, but web pages get a token only
 * where a challenge has a scope.
 */
function scope(exchange: Exchange, repository: string | undefined): string | undefined {
  if (repository !== undefined) return `repository:${repository}:${action(exchange)}`;
  return exchange.path === '/v2/_catalog' ? 'registry:catalog:*' : undefined;
}

function action({ method }: Exchange): 'pull' | 'delete' {
  return method === 'DELETE' ? 'delete' : 'pull';
}
