import { registryErrors, type RegistryError } from '../oci/error.ts';
import { UpstreamError } from '../upstream/registry.ts';

/** Whether upstream will not give something to this mirror, or says so of what does not exist. */
export function isRefusal(error: unknown): boolean {
  return error instanceof UpstreamError && (error.kind === 'unauthorized' || error.kind === 'denied');
}

/**
 * Whether a GET may tell why HEAD was refused: a policy's reason (Harbor's 412, 403) stands in the body only.
 */
export function hasWords(error: unknown): boolean {
  if (!(error instanceof UpstreamError)) return false;
  const { kind, status = 0 } = error;
  return (kind === 'denied' || kind === 'invalid') && status >= 400;
}

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
    // Upstream's 401 is about this mirror and its account. A 401 of ours needs a challenge (RFC 9110, section 15.5.2), and a
    // login here would not help. From DENIED dockerd makes "repository does not exist or may require 'docker login'".
    case 'unauthorized':
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
      // Nothing here is asked under a condition: it is a policy that refuses, as Harbor's of vulnerable
      // images.
      if (error.status === 412) return registryErrors.denied(message, options);
      return registryErrors.badGateway(message, options);
    case 'aborted':
      return registryErrors.unavailable('the mirror is shutting down', options);
  }
}
