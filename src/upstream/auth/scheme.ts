import type { Challenge } from './challenge.ts';
import { judgeRealm, type IsNamed, type Realm } from './realm.ts';
import { isRepositoryScope, mergeScopes } from './scope.ts';

export interface BearerScheme {
  readonly type: 'bearer';
  readonly realm: Realm;
  readonly service: string | undefined;
  /** A scope that stands for every repository, such as `aws` of ECR Public. */
  readonly fixedScope: string | undefined;
}

/** How an upstream wants requests authorized. */
export type Scheme = BearerScheme | { readonly type: 'basic' };

/**
 * The scheme to use of those offered; undefined for none that is known. Bearer before Basic: only the token
 * service sees the password.
 * @throws {UpstreamError} `invalid` for a realm that must not be asked
 */
export function chooseScheme(
  upstream: URL,
  challenges: readonly Challenge[],
  isNamed: IsNamed,
): Scheme | undefined {
  for (const { scheme, parameters } of challenges) {
    const realm = parameters.get('realm');
    if (scheme !== 'bearer' || realm === undefined) continue;
    const asked = mergeScopes([parameters.get('scope') ?? '']);
    return {
      type: 'bearer',
      realm: judgeRealm(upstream, realm, isNamed),
      service: parameters.get('service'),
      // A challenge's repository scope is not used: GHCR's is a placeholder.
      fixedScope: asked === '' || asked.split(' ').some(isRepositoryScope) ? undefined : asked,
    };
  }
  return challenges.some(({ scheme }) => scheme === 'basic') ? { type: 'basic' } : undefined;
}

export function sameScheme(one: Scheme, other: Scheme): boolean {
  if (one.type === 'basic' || other.type === 'basic') return one.type === other.type;
  return (
    one.realm.url.href === other.realm.url.href &&
    one.service === other.service &&
    one.fixedScope === other.fixedScope
  );
}
