import { repositoryGlob, type Glob } from '../../base/glob.ts';
import { repositoryKey, type Repository, type UpstreamName } from '../../oci/reference.ts';
import type { Scope } from '../../store/evictions.ts';
import type { Quota } from './limits.ts';

/** What the images of a scope may take together, in bytes. */
export interface ScopeLimit {
  readonly scope: Scope;
  readonly bytes: number;
}

/** Which quotas a repository counts against. */
export class Quotas {
  readonly #upstreams = new Map<UpstreamName, number>();
  readonly #repositories: { readonly matches: Glob; readonly bytes: number }[] = [];

  /** @throws SyntaxError */
  constructor(quotas: readonly Quota[]) {
    for (const quota of quotas) {
      if ('upstream' in quota) this.#upstreams.set(quota.upstream, quota.bytes);
      else this.#repositories.push({ matches: repositoryGlob(quota.match), bytes: quota.bytes });
    }
  }

  /** Whether there is any. */
  get any(): boolean {
    return this.#upstreams.size + this.#repositories.length > 0;
  }

  /** Its own and its upstream's, as far as there are any. */
  limitsOf(repository: Repository): readonly ScopeLimit[] {
    if (!this.any) return [];
    const { upstream } = repository;
    const key = repositoryKey(repository);
    const own = this.#repositories.find(({ matches }) => matches(key))?.bytes;
    const whole = this.#upstreams.get(upstream);
    return [
      ...(own === undefined ? [] : [{ scope: repository, bytes: own }]),
      ...(whole === undefined ? [] : [{ scope: { upstream }, bytes: whole }]),
    ];
  }
}

/** One text per scope, for keys of maps and for logs. */
export function scopeKey({ upstream, name }: Scope): string {
  return name === undefined ? upstream : repositoryKey({ upstream, name });
}
