import type { RepositoryName } from '../../oci/reference.ts';

/**
 * The scope that a pull needs.
 * @see https://distribution.github.io/distribution/spec/auth/scope/
 */
export function pullScope(repository: RepositoryName): string {
  return `repository:${repository}:pull`;
}

interface ResourceScope {
  readonly resource: string;
  readonly actions: readonly string[];
}

/** `type:name:action,action`; names may hold colons (`host:port/name`), types and actions may not. */
function parseResourceScope(text: string): ResourceScope | undefined {
  const first = text.indexOf(':');
  const last = text.lastIndexOf(':');
  if (first <= 0 || last <= first + 1) return undefined;
  const actions = text
    .slice(last + 1)
    .split(',')
    .filter((action) => action !== '');
  return actions.length === 0 ? undefined : { resource: text.slice(0, last), actions };
}

/** Whether `scope` names a repository, as opposed to a registry's own word such as `aws` of ECR Public. */
export function isRepositoryScope(scope: string): boolean {
  return scope.startsWith('repository:') && parseResourceScope(scope) !== undefined;
}

/**
 * One text for scopes that mean the same: actions of a resource merged, all sorted, no doubles. Each may hold
 * several, separated by spaces, as in challenges.
 */
export function mergeScopes(scopes: readonly string[]): string {
  const actionsOf = new Map<string, Set<string>>();
  const others = new Set<string>();
  for (const scope of scopes.flatMap((text) => text.split(/\s+/))) {
    const parsed = parseResourceScope(scope);
    if (parsed === undefined) {
      if (scope !== '') others.add(scope);
      continue;
    }
    const actions = actionsOf.get(parsed.resource) ?? new Set();
    for (const action of parsed.actions) actions.add(action);
    actionsOf.set(parsed.resource, actions);
  }
  const merged = [...actionsOf].map(([resource, actions]) => `${resource}:${[...actions].sort().join(',')}`);
  return [...merged, ...others].sort().join(' ');
}
