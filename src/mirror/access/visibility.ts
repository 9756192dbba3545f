import { isWithin, type Clock } from '../../base/clock.ts';
import { lru } from '../../base/lru.ts';
import { repositoryKey, type Repository, type UpstreamName } from '../../oci/reference.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { UpstreamError, type UpstreamRegistry } from '../../upstream/registry.ts';
import { Breaker } from '../../upstream/breaker.ts';
import type { Connectivity } from '../../upstream/connectivity.ts';
import type { Degradation } from '../../cache/degradation.ts';
import { elapsed, within } from '../../base/time-limit.ts';
import { SingleFlight } from '../../base/single-flight.ts';
import type { Upstream } from '../upstream.ts';
import { isNotFound, isRefusal, upstreamTimeLimits } from '../../upstream/failure-policy.ts';
import { probe, resourceKey, type Resource } from './resource.ts';

const publicMs = 10 * 60_000;
const hiddenMs = 60_000;
/**
 * How long a repository still counts as public while upstream rate-limits requests without credentials, and
 * only those, and for web pages: any client can cause either, and neither must keep public what has been made
 * private since.
 */
const limitedMs = 24 * 60 * 60_000;
const remembered = 20_000;

export interface VisibilityDeps {
  readonly metadata: MetadataStore;
  readonly degradation: Degradation;
  readonly connectivity: Pick<Connectivity, 'isOffline'>;
  readonly clock: Clock;
}

/** A question to upstream, asked without credentials. */
interface Question {
  readonly registry: UpstreamRegistry;
  readonly repository: Repository;
  readonly resource: Resource;
  /** It was public when it was last asked about. */
  readonly wasPublic: boolean;
  /** Something of the repository was not found, and its tags are to say whether the rest may be seen. */
  readonly isSecond?: boolean;
}

/**
 * Whether a failure leaves open if the repository is public, so that its list of tags is asked for. Docker
 * Hub's limit on anonymous pulls does not count lists of tags; a manifest that upstream has deleted may still
 * be cached; one that does not exist may have referrers; and a mistyped tag of a public image must not lead
 * to a login.
 */
function saysLittle({ kind }: UpstreamError, { resource: { noun } }: Question): boolean {
  if (noun === 'tags') return false;
  return kind === 'rate-limited' || kind === 'not-found';
}

/**
 * Which repositories of an upstream with credentials are public: those that it gives to requests without. It
 * is asked before the cache is looked at, so that the answer for a private repository is the same, in content
 * and in time, whether it is cached or does not exist.
 */
export class Visibility {
  readonly #deps: VisibilityDeps;
  /** When a repository was last confirmed to be public (ms since the epoch), by {@link repositoryKey}. */
  readonly #public = lru<string, number>(remembered);
  /** When a repository was refused, or a resource in it was not found, by its key. */
  readonly #hidden = lru<string, number>(remembered);
  readonly #checks = new SingleFlight<boolean>();
  /** For requests without credentials: upstreams may limit those and go on serving the others. */
  readonly #breakers = new Map<UpstreamName, Breaker>();

  constructor(deps: VisibilityDeps) {
    this.#deps = deps;
  }

  /**
   * Whether memory has it that a repository was public within the last ten minutes, or when it was last asked
   * about, if the mirror is offline.
   */
  isFreshlyPublic(repository: Repository): boolean {
    const { connectivity, clock } = this.#deps;
    const since = this.#public.get(repositoryKey(repository));
    return connectivity.isOffline ? since !== undefined : isWithin(clock, publicMs, since);
  }

  /** Whether a repository was public when it was last asked about. Never asks upstream. */
  async wasPublic(repository: Repository): Promise<boolean> {
    return (await this.#publicSince(repository)) !== undefined;
  }

  /** Whether a repository was public when it was last asked about, within the last day. Asks no upstream. */
  async wasPublicLately(repository: Repository): Promise<boolean> {
    return isWithin(this.#deps.clock, limitedMs, await this.#publicSince(repository));
  }

  /**
   * Whether upstream gives a resource without credentials, or gave any of the repository within the last ten
   * minutes; when upstream fails, whether it did when it was last asked.
   * @throws {UpstreamError} when it fails and nothing is remembered
   */
  async isReadable(upstream: Upstream, repository: Repository, resource: Resource): Promise<boolean> {
    const { anonymous } = upstream;
    if (anonymous === undefined || this.isFreshlyPublic(repository)) return true;
    const key = repositoryKey(repository);
    const thing = `${key} ${resourceKey(resource)}`;
    if (this.#isHidden(key) || this.#isHidden(thing)) return false;
    const since = await this.#publicSince(repository);
    if (isWithin(this.#deps.clock, publicMs, since)) return true;
    const wasPublic = since !== undefined;
    const breaker = this.#breaker(upstream.name);
    const isRecent = isWithin(this.#deps.clock, limitedMs, since);
    if (wasPublic && !(upstream.breaker.admits && (breaker.admits || !isRecent))) return true;

    const question = { registry: anonymous, repository, resource, wasPublic };
    const { outcome } = this.#checks.run(thing, async () => {
      const readable = await this.#ask(question, breaker);
      if (!readable) this.#hidden.set(thing, this.#deps.clock.now());
      return readable;
    });
    if (!wasPublic) return outcome;
    return this.#patiently(outcome, breaker, isRecent);
  }

  /** The answer if it comes in time; if not, or if upstream is in trouble, what is remembered: public. */
  async #patiently(outcome: Promise<boolean>, breaker: Breaker, isRecent: boolean): Promise<boolean> {
    try {
      const answer = await within(this.#deps.clock, upstreamTimeLimits.confirmation, outcome);
      if (answer !== elapsed) return answer;
      breaker.timedOut();
      return true;
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      if (error.kind === 'rate-limited' && !isRecent) throw error;
      return true;
    }
  }

  async #ask(question: Question, breaker: Breaker): Promise<boolean> {
    const { registry, repository, resource } = question;
    try {
      await breaker.watch(() => probe(registry, repository, resource));
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      if (isRefusal(error)) {
        // Some registries show anonymous clients images, but no tags: what was not found may be public.
        if (question.isSecond !== true || question.wasPublic) await this.#withdraw(repository);
        return false;
      }
      if (!saysLittle(error, question)) {
        if (isNotFound(error)) return false;
        throw error;
      }
      const isSecond = isNotFound(error);
      return this.#ask({ ...question, resource: { noun: 'tags', name: repository.name }, isSecond }, breaker);
    }
    await this.#publish(repository);
    return true;
  }

  async #publish(repository: Repository): Promise<void> {
    const now = this.#deps.clock.now();
    this.#public.set(repositoryKey(repository), now);
    await this.#deps.degradation.tolerate(() => this.#deps.metadata.putPublic(repository, now));
  }

  async #withdraw(repository: Repository): Promise<void> {
    const key = repositoryKey(repository);
    this.#hidden.set(key, this.#deps.clock.now());
    this.#public.delete(key);
    await this.#deps.degradation.tolerate(() => this.#deps.metadata.putPublic(repository, undefined));
  }

  async #publicSince(repository: Repository): Promise<number | undefined> {
    const key = repositoryKey(repository);
    const known = this.#public.get(key);
    if (known !== undefined) return known;
    const since = await this.#deps.degradation.tolerate(() => this.#deps.metadata.publicSince(repository));
    if (since !== undefined) this.#public.set(key, since);
    return since;
  }

  #breaker(name: UpstreamName): Breaker {
    const breaker = this.#breakers.get(name) ?? new Breaker(this.#deps);
    this.#breakers.set(name, breaker);
    return breaker;
  }

  #isHidden(key: string): boolean {
    return isWithin(this.#deps.clock, hiddenMs, this.#hidden.get(key));
  }
}
