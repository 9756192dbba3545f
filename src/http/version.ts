import { registryErrors } from '../oci/error.ts';
import type { Exchange } from './exchange.ts';

/**
 * The API version check. Where clients log in, only valid credentials get a 200, others a 401 and a
 * challenge: so clients learn how to log in, and `docker login` whether it succeeded.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support
 */
export function version(exchange: Exchange): Response {
  // The router ignores a slash at the end; clients that leave it out are redirected, as registry:2 does.
  if (!exchange.request.path.endsWith('/')) {
    return exchange.reply({ status: 301, headers: ['Location', '/v2/'] });
  }
  if (exchange.login !== undefined && exchange.login.outcome !== 'accepted') {
    throw registryErrors.loginRequired();
  }
  return exchange.reply({ status: 200, headers: ['Content-Type', 'application/json'], body: '{}' });
}
