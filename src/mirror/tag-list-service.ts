import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import { registryErrors } from '../oci/error.ts';
import { repositoryKey, type Repository, type Tag } from '../oci/reference.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import { UpstreamError } from '../upstream/registry.ts';
import { notAsked } from './breaker.ts';
import type { Degradation } from './degradation.ts';
import type { TagsAnswer } from './mirror.ts';
import type { Routing } from './routing.ts';
import { SingleFlight } from './single-flight.ts';
import { clientError } from './upstream-failure.ts';

const freshMs = 60_000;
/** Tags kept in memory, over all lists. */
const remembered = 500_000;

interface KnownList {
  readonly tags: readonly Tag[];
  readonly checkedAt: number;
}

export interface TagListServiceOptions {
  readonly routing: Routing;
  readonly metadata: MetadataStore;
  readonly degradation: Degradation;
  readonly clock: Clock;
}

/** The tags of a repository: upstream's list, and when upstream fails the last list seen with the tags that are cached. */
export class TagListService {
  readonly #routing: Routing;
  readonly #metadata: MetadataStore;
  readonly #degradation: Degradation;
  readonly #clock: Clock;
  readonly #lists = new LRUCache<string, KnownList>({
    maxSize: remembered,
    sizeCalculation: ({ tags }) => tags.length + 1,
  });
  readonly #requests = new SingleFlight<KnownList>();

  constructor({ routing, metadata, degradation, clock }: TagListServiceOptions) {
    this.#routing = routing;
    this.#metadata = metadata;
    this.#degradation = degradation;
    this.#clock = clock;
  }

  async tags(repository: Repository): Promise<TagsAnswer> {
    const key = repositoryKey(repository);
    const known = this.#lists.get(key);
    const startedAt = this.#clock.now();
    const age = known === undefined ? Infinity : startedAt - known.checkedAt;
    if (known !== undefined && age >= 0 && age < freshMs) {
      return { tags: known.tags, result: 'hit', upstreamMs: 0, warning: undefined };
    }
    const { breaker } = this.#routing.upstream(repository.upstream);
    // Only a list that upstream has given: what is cached besides may be a small part of it.
    if (known !== undefined && !breaker.admits) {
      const tags = await this.#cached(repository, known);
      return { tags, result: 'stale', upstreamMs: 0, warning: notAsked };
    }
    try {
      const { outcome, joined } = this.#requests.run(key, () => this.#ask(repository, key));
      const { tags } = await outcome;
      return {
        tags,
        result: joined ? 'joined' : 'miss',
        upstreamMs: this.#clock.now() - startedAt,
        warning: undefined,
      };
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      const tags = await this.#cached(repository, known);
      if (tags.length === 0)
        throw clientError(error, () =>
          registryErrors.nameUnknown(repository.name, undefined, { cause: error }),
        );
      return { tags, result: 'stale', upstreamMs: this.#clock.now() - startedAt, warning: error.message };
    }
  }

  /** Whether tags of the repository are cached. */
  async holds(repository: Repository): Promise<boolean> {
    return (await this.#cached(repository, this.#lists.get(repositoryKey(repository)))).length > 0;
  }

  async #ask(repository: Repository, key: string): Promise<KnownList> {
    const { registry, breaker } = this.#routing.upstream(repository.upstream);
    const tags = await breaker.watch(() => registry.listTags(repository.name));
    const list = { tags: inLexicalOrder(tags), checkedAt: this.#clock.now() };
    this.#lists.set(key, list);
    return list;
  }

  async #cached(repository: Repository, known: KnownList | undefined): Promise<readonly Tag[]> {
    const held = (await this.#degradation.tolerate(() => this.#metadata.tags(repository))) ?? [];
    return inLexicalOrder([...held, ...(known?.tags ?? [])]);
  }
}

/** Byte order, as registries sort; each tag once. Tags are ASCII, so code units will do. */
function inLexicalOrder(tags: readonly Tag[]): readonly Tag[] {
  return [...new Set(tags)].sort();
}
