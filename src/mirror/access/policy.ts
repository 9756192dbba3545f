import { repositoryGlob, type Glob } from '../../base/glob.ts';
import { repositoryKey, type Repository } from '../../oci/reference.ts';
import type { Reader } from './reader.ts';

/** Who may read what, and what may be mirrored at all. Globs are as in `repositoryGlob`. */
export interface AccessRules {
  readonly anonymous: 'allow' | 'deny';
  /** Who may read what only an upstream's configured credentials can. */
  readonly private: 'authenticated' | 'allow';
  /** Names of users by name of group, besides the groups that readers bring along. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** The first match decides; `allow` has `anonymous`, `authenticated`, `user:NAME` and `group:NAME`. */
  readonly rules: readonly { readonly match: string; readonly allow: readonly string[] }[];
  /** An empty `allow` allows everything that `deny` does not match. */
  readonly mirror: { readonly allow: readonly string[]; readonly deny: readonly string[] };
}

/** What the rules say of a reader and a repository; `login`: refused, but logging in may help. */
export type AccessDecision = 'allowed' | 'login' | 'denied' | 'not-mirrored';

interface Rule {
  readonly matches: Glob;
  readonly allow: ReadonlySet<string>;
}

/** The operator's rules. They look at names only, so that their answers reveal nothing of what exists. */
export class AccessPolicy {
  readonly #rules: readonly Rule[];
  readonly #groups: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #allowed: readonly Glob[];
  readonly #refused: readonly Glob[];
  readonly #anonymousMay: boolean;
  readonly #everyoneReadsPrivate: boolean;
  readonly #canLogIn: boolean;
  /** Nothing is forbidden to anybody: rules need not be evaluated. */
  readonly #open: boolean;

  /** @param canLogIn whether clients can log in to this mirror at all */
  constructor(access: AccessRules, canLogIn: boolean) {
    this.#rules = access.rules.map(({ match, allow }) => ({
      matches: repositoryGlob(match),
      allow: new Set(allow),
    }));
    this.#groups = new Map(Object.entries(access.groups).map(([name, users]) => [name, new Set(users)]));
    this.#allowed = access.mirror.allow.map(repositoryGlob);
    this.#refused = access.mirror.deny.map(repositoryGlob);
    this.#anonymousMay = access.anonymous === 'allow';
    this.#everyoneReadsPrivate = access.private === 'allow';
    this.#canLogIn = canLogIn;
    const limits = [...this.#rules, ...this.#allowed, ...this.#refused];
    this.#open = this.#anonymousMay && limits.length === 0;
  }

  /** The decision on a reader, whatever the repository: `allowed`, unless anonymous readers are refused. */
  decideOnReader({ user }: Reader): AccessDecision {
    return user !== undefined || this.#anonymousMay ? 'allowed' : this.#refusal(true);
  }

  decide(repository: Repository, reader: Reader): AccessDecision {
    if (this.#open) return 'allowed';
    const name = repositoryKey(repository);
    if (!this.mirrors(name)) return 'not-mirrored';
    const general = this.decideOnReader(reader);
    if (general !== 'allowed') return general;
    const allow = this.#rules.find(({ matches }) => matches(name))?.allow;
    if (allow === undefined || this.#admits(allow, reader)) return 'allowed';
    return this.#refusal(reader.user === undefined && allow.size > 0);
  }

  /**
   * Whether a reader may have all that is cached, whichever repository it came by.
   * @param guarded whether any of it may be private
   */
  readsEverything(reader: Reader, guarded: boolean): boolean {
    const isUnlimited = this.#rules.length === 0 && reader.repositories === undefined;
    return (
      isUnlimited && this.decideOnReader(reader) === 'allowed' && (!guarded || this.readsPrivate(reader))
    );
  }

  /** Whether the reader may have what only an upstream's configured credentials can read. */
  readsPrivate({ user }: Reader): boolean {
    return this.#everyoneReadsPrivate || user !== undefined;
  }

  /** Whether the rules let a repository be mirrored at all. @param name as {@link repositoryKey} has it */
  mirrors(name: string): boolean {
    if (this.#refused.some((matches) => matches(name))) return false;
    return this.#allowed.length === 0 || this.#allowed.some((matches) => matches(name));
  }

  #admits(allow: ReadonlySet<string>, { user, groups }: Reader): boolean {
    if (allow.has('anonymous')) return true;
    if (user === undefined) return false;
    if (allow.has('authenticated') || allow.has(`user:${user}`)) return true;
    if (groups.some((group) => allow.has(`group:${group}`))) return true;
    return [...this.#groups].some(([group, users]) => users.has(user) && allow.has(`group:${group}`));
  }

  #refusal(loginHelps: boolean): AccessDecision {
    return loginHelps && this.#canLogIn ? 'login' : 'denied';
  }
}
