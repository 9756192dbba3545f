import { LRUCache } from 'lru-cache';
import { RegistryError } from '../oci/error.ts';
import { repositoryKey, type Repository } from '../oci/reference.ts';
import type { PullTarget } from './mirror.ts';
import type { Routing } from './routing.ts';

/** Answers that mean "not under this name": registries say 401 or 403 for repositories that do not exist, too. */
const notHere: ReadonlySet<number> = new Set([401, 403, 404]);

/** Finds out which of the repositories that a name may mean has what is asked for. */
export class Candidates {
  readonly #routing: Routing;
  readonly #chosen = new LRUCache<string, Repository>({ max: 10_000 });

  constructor(routing: Routing) {
    this.#routing = routing;
  }

  /**
   * Runs `ask` on the likeliest repository first, and on the next where the first does not have it.
   * @param holds whether the cache can answer for a repository, so that an upstream in trouble is not asked about another first
   */
  async first<T>(
    target: PullTarget,
    holds: (repository: Repository) => Promise<boolean>,
    ask: (repository: Repository) => Promise<T>,
  ): Promise<T> {
    const candidates = this.#routing.candidates(target);
    const [likeliest, alternative] = candidates;
    if (alternative === undefined) return ask(likeliest);
    const key = repositoryKey(likeliest);
    const remembered = this.#chosen.get(key);
    const chosen = remembered ?? (await this.#held(candidates, holds));
    const [one, other] =
      chosen === undefined || chosen.name === likeliest.name
        ? [likeliest, alternative]
        : [alternative, likeliest];
    try {
      return this.#choose(key, one, await ask(one));
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      const elsewhere = notHere.has(error.status) || (await holds(other));
      if (!elsewhere) throw error;
      return this.#choose(key, other, await this.#askOther(other, ask, error));
    }
  }

  async #held(
    candidates: readonly Repository[],
    holds: (repository: Repository) => Promise<boolean>,
  ): Promise<Repository | undefined> {
    for (const candidate of candidates) if (await holds(candidate)) return candidate;
    return undefined;
  }

  #choose<T>(key: string, repository: Repository, answer: T): T {
    this.#chosen.set(key, repository);
    return answer;
  }

  /** Where neither name works, the client hears of the likelier one, unless the other's failure is more than "not here". */
  async #askOther<T>(
    other: Repository,
    ask: (repository: Repository) => Promise<T>,
    first: RegistryError,
  ): Promise<T> {
    try {
      return await ask(other);
    } catch (error) {
      throw error instanceof RegistryError && notHere.has(error.status) ? first : error;
    }
  }
}
