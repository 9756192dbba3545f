import type { Clock } from '../clock.ts';
import { registryErrors } from '../oci/error.ts';
import { repositoryKey, type Repository, type Tag } from '../oci/reference.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import { UpstreamError } from '../upstream/registry.ts';
import type { Degradation } from './degradation.ts';
import { Listings, type Listing } from './listings.ts';
import type { TagsAnswer } from './mirror.ts';
import type { Routing } from './routing.ts';
import { clientError } from './upstream-failure.ts';

/** Tags kept in memory, over all lists. */
const remembered = 500_000;

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
  readonly #lists: Listings<Tag>;

  constructor({ routing, metadata, degradation, clock }: TagListServiceOptions) {
    this.#routing = routing;
    this.#metadata = metadata;
    this.#degradation = degradation;
    this.#clock = clock;
    this.#lists = new Listings(clock, remembered);
  }

  async tags(repository: Repository): Promise<TagsAnswer> {
    try {
      const { listed = [], ...answer } = await this.#lists.get(repositoryKey(repository), {
        breaker: this.#routing.upstream(repository.upstream).breaker,
        recorded: notRecorded,
        holds: async () => (await this.#held(repository)).length > 0,
        ask: () => this.#ask(repository),
      });
      if (answer.result !== 'stale') return { ...answer, tags: listed };
      return { ...answer, tags: inLexicalOrder([...(await this.#held(repository)), ...listed]) };
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      throw clientError(error, () =>
        registryErrors.nameUnknown(repository.name, undefined, { cause: error }),
      );
    }
  }

  /** Whether tags of the repository are cached. */
  async holds(repository: Repository): Promise<boolean> {
    const known = await this.#lists.known(repositoryKey(repository), { recorded: notRecorded });
    return (known !== undefined && known.items.length > 0) || (await this.#held(repository)).length > 0;
  }

  async #ask(repository: Repository): Promise<Listing<Tag>> {
    const { registry, breaker } = this.#routing.upstream(repository.upstream);
    const items = inLexicalOrder(await breaker.watch(() => registry.listTags(repository.name)));
    return { items, checkedAt: this.#clock.now() };
  }

  async #held(repository: Repository): Promise<readonly Tag[]> {
    return (await this.#degradation.tolerate(() => this.#metadata.tags(repository))) ?? [];
  }
}

/** Lists are not stored: after a restart the cached tags are the answer until upstream gives its list again. */
const notRecorded = () => Promise.resolve(undefined);

/** Byte order, as registries sort; each tag once. Tags are ASCII, so code units will do. */
function inLexicalOrder(tags: readonly Tag[]): readonly Tag[] {
  return [...new Set(tags)].sort();
}
