import type { AccessRules } from '../mirror/access/policy.ts';
import { hasAccounts } from './access.ts';
import type { AuthConfig } from './config.ts';
import type { FileValues } from './schema.ts';
import type { Surroundings } from './surroundings.ts';

/** Why one address is not enough: dockerd pings `/v2/`, logs in only where that is refused, and without a login then stops. */
export const oneIsNotEnough =
  'http.addr answers GET /v2/ with 401, or nobody could log in, and dockerd without a login asks no further';

/** Problems for an address without logins that is missing, or that nobody needs. */
export function checkPublicAddress(
  { http }: FileValues,
  auth: AuthConfig,
  access: AccessRules,
  { problems }: Surroundings,
): void {
  const isOpen = access.anonymous === 'allow';
  if (http.public === undefined) {
    if (isOpen && hasAccounts(auth)) {
      problems.add(
        ['access', 'anonymous'],
        `allow needs http.public.addr, an address without logins such as :5001: ${oneIsNotEnough}; or write deny`,
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
