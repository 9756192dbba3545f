import type { AccessRules } from '../mirror/access/policy.ts';
import { hasAccounts } from './access.ts';
import type { AuthConfig } from './config.ts';
import type { FileValues } from './schema.ts';
import type { LoadContext } from './load-context.ts';

/**
 * Why dockerd without a login needs an address of its own: it pings `/v2/`, and goes on to log in only where
 * that is refused.
 */
export const stopsAtPing =
  'it stops where GET /v2/ is answered 401, as http.addr must answer for docker login to work';

/** Problems for an address without logins that is missing, or of no use. */
export function checkPublicAddress(
  { http }: FileValues,
  auth: AuthConfig,
  access: AccessRules,
  { problems }: LoadContext,
): void {
  const isOpen = access.anonymous === 'allow';
  if (http.publicAddr === undefined) {
    if (isOpen && hasAccounts(auth)) {
      problems.add(
        ['access', 'anonymous'],
        `allow needs http.public.addr, a second address such as :5001, for dockerd without a login: ${stopsAtPing}; or write deny`,
      );
    }
    return;
  }
  if (!hasAccounts(auth) && !auth.passthrough) {
    problems.add(
      ['http', 'public'],
      'is of no use without auth: http.addr asks nobody to log in; leave it out, or give auth.htpasswd',
    );
  } else if (!isOpen) {
    problems.add(
      ['http', 'public'],
      'would serve nobody, since everyone has to log in; write access.anonymous: allow, or leave it out',
    );
  }
}
