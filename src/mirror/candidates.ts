import { lru } from '../base/lru.ts';
import { RegistryError } from '../oci/error.ts';
import { repositoryKey, type Repository } from '../oci/reference.ts';
import type { NamedTarget, Routing } from '../oci/routing.ts';
import type { Gate } from './access/gate.ts';
import type { Reader } from './access/reader.ts';
import { notCached, type Resource } from './access/resource.ts';
import type { PullTarget } from './mirror.ts';
import type { Upstream } from './upstream.ts';

/** Answers that mean "not under this name": registries refuse repositories that do not exist, too. */
const notHere: ReadonlySet<number> = new Set([401, 403, 404]);

/** The repository that a name means right now. */
export interface Settled {
  readonly repository: Repository;
  /** Whether it still means that one, and the reader is admitted at once. */
  holds(): boolean;
}

/** Whether the cache can answer for a repository: then others are not asked about upstream first. */
type CanAnswer = (repository: Repository) => Promise<boolean>;

/** Finds the repository that a name means: of those that the reader may read, one that has the resource. */
export class Candidates {
  readonly #routing: Routing<Upstream>;
  readonly #gate: Gate;
  readonly #chosen = lru<string, Repository>(10_000);

  constructor(routing: Routing<Upstream>, gate: Gate) {
    this.#routing = routing;
    this.#gate = gate;
  }

  /**
   * Runs `ask` on the likeliest repository, and on the next where that does not have it. Neither the cache
   * nor an upstream's credentials are used for a repository before the gate has admitted the reader.
   */
  async first<T>(
    target: PullTarget,
    resource: Resource,
    canAnswer: CanAnswer,
    ask: (repository: Repository) => Promise<T>,
  ): Promise<T> {
    const candidates = this.#routing.candidates(target);
    const [likeliest] = candidates;
    if (candidates.length === 1) {
      const checking = this.#gate.admit(likeliest, target.reader, resource);
      if (checking !== undefined) await checking;
      return ask(likeliest);
    }
    const refusals = await this.#refusals(candidates, target.reader, resource);
    if (refusals.size === 0) return this.#firstOf(candidates, canAnswer, ask);
    // The order must not depend on what is cached for other readers unless this reader may read all of it.
    return inTurn(
      candidates,
      async (repository) => !refusals.has(repository) && (await canAnswer(repository)),
      (repository) => {
        const refusal = refusals.get(repository);
        return refusal === undefined ? ask(repository) : Promise.reject(refusal);
      },
    );
  }

  /** The same for the mirror's operator, who needs no right to what is mirrored. */
  async firstForOperator<T>(
    target: NamedTarget,
    canAnswer: CanAnswer,
    ask: (repository: Repository) => Promise<T>,
  ): Promise<T> {
    const candidates = this.#routing.candidates(target);
    for (const candidate of candidates) this.#gate.admitOperator(candidate);
    return this.#firstOf(candidates, canAnswer, ask);
  }

  /** The only repository that {@link first} would ask, if that is known from memory. */
  settled(target: PullTarget): Settled | undefined {
    const candidates = this.#routing.candidates(target);
    const [likeliest] = candidates;
    const admitsAtOnce = (repository: Repository): boolean =>
      this.#gate.admitsAtOnce(repository, target.reader);
    if (candidates.length === 1) return { repository: likeliest, holds: () => admitsAtOnce(likeliest) };
    const key = repositoryKey(likeliest);
    const chosen = this.#chosen.get(key);
    return (
      chosen && {
        repository: chosen,
        holds: () => this.#chosen.get(key)?.name === chosen.name && candidates.every(admitsAtOnce),
      }
    );
  }

  /**
   * Runs `ask` on the likeliest repository that `admit` lets the reader into, and on the next where that
   * resolves to undefined: nothing is cached. No upstream is asked.
   * @param admit rejects with RegistryError for what the reader may not have
   */
  async cached<T>(
    target: PullTarget,
    resource: Resource,
    admit: Gate['admitToCached'],
    ask: (repository: Repository) => Promise<T | undefined>,
  ): Promise<T> {
    let failure: RegistryError | undefined;
    for (const repository of this.#routing.candidates(target)) {
      try {
        await admit(repository, target.reader, resource);
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
        failure ??= error;
        continue;
      }
      const answer = await ask(repository);
      if (answer !== undefined) return answer;
      failure ??= notCached(resource);
    }
    throw failure ?? notCached(resource);
  }

  async #firstOf<T>(
    candidates: readonly [Repository, ...Repository[]],
    canAnswer: CanAnswer,
    ask: (repository: Repository) => Promise<T>,
  ): Promise<T> {
    const key = repositoryKey(candidates[0]);
    const chosen = this.#chosen.get(key) ?? (await firstThat(candidates, canAnswer));
    const order = candidates.toSorted(
      (one, other) => Number(other.name === chosen?.name) - Number(one.name === chosen?.name),
    );
    return inTurn(order, canAnswer, async (repository) => {
      const answer = await ask(repository);
      this.#chosen.set(key, repository);
      return answer;
    });
  }

  /** The repositories that the reader may not read, and why. */
  async #refusals(
    candidates: readonly Repository[],
    reader: Reader,
    resource: Resource,
  ): Promise<ReadonlyMap<Repository, RegistryError>> {
    const refusals = new Map<Repository, RegistryError>();
    await Promise.all(
      candidates.map(async (candidate) => {
        try {
          await this.#gate.admit(candidate, reader, resource);
        } catch (error) {
          if (!(error instanceof RegistryError)) throw error;
          refusals.set(candidate, error);
        }
      }),
    );
    return refusals;
  }
}

async function firstThat(
  candidates: readonly Repository[],
  canAnswer: CanAnswer,
): Promise<Repository | undefined> {
  for (const candidate of candidates) if (await canAnswer(candidate)) return candidate;
  return undefined;
}

/**
 * Asks one after the other until one has it. After a failure that is more than "not here", only those are
 * asked that the cache can answer for. Where none has it, the client hears of the likeliest, unless another's
 * failure is more than that and the cache does not know that the likeliest is meant.
 */
async function inTurn<T>(
  repositories: readonly Repository[],
  canAnswer: CanAnswer,
  ask: (repository: Repository) => Promise<T>,
): Promise<T> {
  let failure: RegistryError | undefined;
  let isMeant: (() => Promise<boolean>) | undefined;
  for (const repository of repositories) {
    if (failure !== undefined && !notHere.has(failure.status) && !(await canAnswer(repository))) continue;
    try {
      return await ask(repository);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      const isWorse = !notHere.has(error.status) && (await isMeant?.()) !== true;
      if (failure === undefined || isWorse) failure = error;
      isMeant ??= () => canAnswer(repository);
    }
  }
  throw failure ?? new Error('no repository to ask');
}
