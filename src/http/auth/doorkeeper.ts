import type { Clock } from '../../clock.ts';
import { registryErrors, type RegistryError } from '../../oci/error.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Exchange } from '../exchange.ts';
import type { HeaderList } from '../reply.ts';
import { Throttle } from '../throttle.ts';
import type { Authenticator } from './authenticator.ts';

const quietMs = 60_000;

/**
 * Clients that do not ask `/v2/` before they pull, so that only the answer to a pull can challenge them: containerd, also
 * inside Docker (its containerd image store), and those built on oras-go or regclient.
 */
const pingless = /^(?:containerd|buildkit|oras|Helm|notation|regclient)\/|^oras-go$| containerd-client\//;

/** Authenticates a request before it is handled, and answers with a challenge where logging in may help. */
export class Doorkeeper {
  readonly #authenticator: Authenticator;
  readonly #logger: Logger;
  readonly #failures: Throttle;

  constructor(authenticator: Authenticator, logger: Logger, clock: Clock) {
    this.#authenticator = authenticator;
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
    if (outcome === 'invalid') throw registryErrors.unauthorized('the token is not valid', { login: true });
  }

  /**
   * The error that the client gets: clients that never ping `/v2/`, and those whose token lacks the scope, get a 401 and a
   * challenge where others get a 404. The answer is the same for what is private and for what does not exist.
   */
  errorFor(exchange: Exchange, error: RegistryError): RegistryError {
    const { hidden, repository } = error;
    return hidden && (this.#neverPings(exchange) || exchange.reader.repositories !== undefined)
      ? registryErrors.unauthorized('authentication required', { login: true, repository })
      : error;
  }

  /** The challenges that go with an error. */
  challenges(exchange: Exchange, { login, repository }: RegistryError): HeaderList {
    if (!login) return [];
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

  #neverPings(exchange: Exchange): boolean {
    return exchange.query('ns') !== undefined || pingless.test(exchange.header('user-agent') ?? '');
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
