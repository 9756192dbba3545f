import { registryErrors, type RegistryError } from '../oci/error.ts';
import type { UpstreamError } from '../upstream/registry.ts';

/**
 * What a client hears of an upstream failure: the real cause, in the registry's own terms.
 * @param unknown the error for content that upstream does not have
 */
export function clientError(error: UpstreamError, unknown: () => RegistryError): RegistryError {
  const { message, retryAfter } = error;
  const options = { cause: error, retryAfter };
  switch (error.kind) {
    case 'not-found':
      return unknown();
    case 'unauthorized':
      return registryErrors.unauthorized(message, options);
    case 'denied':
      return registryErrors.denied(message, options);
    case 'rate-limited':
      return registryErrors.tooManyRequests(message, options);
    case 'timeout':
      return registryErrors.gatewayTimeout(message, options);
    case 'unavailable':
      return error.status === undefined || error.status === 503
        ? registryErrors.unavailable(message, options)
        : registryErrors.badGateway(message, options);
    case 'range':
    case 'invalid':
      return registryErrors.badGateway(message, options);
    case 'aborted':
      return registryErrors.unavailable('the mirror is shutting down', options);
  }
}
