import { RegistryError, registryErrors } from '../oci/error.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Exchange } from './exchange.ts';
import type { HeaderList, Reply } from './reply.ts';

/** A request for something that this registry does not offer; clients take a 404 as that. */
export function endpointUnknown(): RegistryError {
  return new RegistryError('UNSUPPORTED', 404, 'This registry has no such endpoint.');
}

/** The answer for an error: status, OCI JSON, `Retry-After`. */
export function errorReply(error: RegistryError, headers: HeaderList = []): Reply {
  const retryAfter =
    error.retryAfter === undefined ? [] : ['Retry-After', String(Math.max(0, Math.ceil(error.retryAfter)))];
  return {
    status: error.status,
    headers: ['Content-Type', 'application/json', ...retryAfter, ...headers],
    body: `${error.body()}\n`,
  };
}

/**
 * What a client is told of an error that may be about its login, and the challenges that go with it. It must
 * depend on the request and the error alone.
 */
export type AccessErrorReply = (
  exchange: Exchange,
  error: RegistryError,
) => { readonly error: RegistryError; readonly headers: HeaderList };

/** The one place where errors become answers. An unexpected error is a 500 without details. */
export class ErrorResponder {
  readonly #logger: Logger;
  readonly #accessErrorReply: AccessErrorReply;

  constructor(logger: Logger, accessErrorReply: AccessErrorReply) {
    this.#logger = logger;
    this.#accessErrorReply = accessErrorReply;
  }

  /** Answers with the error; `headers` go with it. */
  respond(exchange: Exchange, thrown: unknown, headers: HeaderList = []): Response {
    const known = thrown instanceof RegistryError ? thrown : registryErrors.internal({ cause: thrown });
    const { error, headers: challenges } = this.#accessErrorReply(exchange, known);
    exchange.failure = error;
    if (thrown !== known) {
      this.#logger.error(
        { err: thrown, requestId: exchange.id },
        'a request failed with an unexpected error',
      );
    } else if (error.status >= 500) {
      this.#logger.debug({ err: error, requestId: exchange.id }, 'a request could not be answered');
    }
    return exchange.reply(errorReply(error, [...headers, ...challenges]));
  }
}
