import { RegistryError } from '../oci/error.ts';
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
