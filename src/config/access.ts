import type { UpstreamName } from '../oci/reference.ts';
import type { AccessRules } from '../mirror/access/policy.ts';
import type { AuthConfig } from './config.ts';
import type { FileValues } from './schema.ts';
import { suggest } from './suggest.ts';
import type { LoadContext } from './load-context.ts';
import type { Path } from './tree.ts';
import { checkUpstream } from './upstream-pattern.ts';

/** Whether clients log in to the mirror itself. */
export function hasAccounts({ htpasswd, token }: AuthConfig): boolean {
  return htpasswd !== undefined || token !== undefined;
}

/**
 * Who may read what. A mirror with accounts is closed to others by default, as registry:2 is. The result
 * counts only if there are no problems.
 */
export function readAccess(
  given: FileValues['access'],
  auth: AuthConfig | undefined,
  context: LoadContext,
): AccessRules {
  return {
    anonymous: given.anonymous ?? (auth !== undefined && hasAccounts(auth) ? 'deny' : 'allow'),
    private: given.private ?? 'authenticated',
    groups: Object.fromEntries(Object.entries(given.groups).map(([name, users]) => [name, users ?? []])),
    rules: given.rules.map(({ match, allow }, index) => {
      checkGroups(allow, given.groups, ['access', 'rules', index, 'allow'], context);
      return { match, allow };
    }),
    mirror: given.mirror,
  };
}

/** Rules that cannot mean what they say, given the rest: such a rule is a slip, and often a hole. */
export function checkAccess(
  access: AccessRules,
  auth: AuthConfig,
  upstreams: readonly UpstreamName[],
  context: LoadContext,
): void {
  const patterns: [Path, string][] = [
    ...access.rules.map(({ match }, index): [Path, string] => [['access', 'rules', index, 'match'], match]),
    ...access.mirror.allow.map((match): [Path, string] => [['access', 'mirror', 'allow'], match]),
    ...access.mirror.deny.map((match): [Path, string] => [['access', 'mirror', 'deny'], match]),
  ];
  for (const [path, pattern] of patterns) checkUpstream(pattern, path, upstreams, context);

  if (hasAccounts(auth)) return;
  const nobody = 'nobody can: give auth.htpasswd or auth.token';
  if (access.anonymous === 'deny') {
    context.problems.add(['access', 'anonymous'], `asks everyone to log in, which ${nobody}`);
  }
  for (const [index, { allow }] of access.rules.entries()) {
    const needsLogin = allow.find((who) => who !== 'anonymous');
    if (needsLogin !== undefined && !allow.includes('anonymous')) {
      context.problems.add(
        ['access', 'rules', index, 'allow'],
        `${needsLogin} has to log in, which ${nobody}`,
      );
    }
  }
}

function checkGroups(
  allow: readonly string[],
  groups: Readonly<Record<string, unknown>>,
  path: Path,
  { problems }: LoadContext,
): void {
  for (const who of allow) {
    const group = /^group:(.*)$/.exec(who)?.[1];
    if (group === undefined || Object.hasOwn(groups, group)) continue;
    const near = suggest(group, Object.keys(groups));
    problems.add(
      path,
      `there is no access.groups.${group}${near === undefined ? '' : `, did you mean group:${near}?`}`,
    );
  }
}
