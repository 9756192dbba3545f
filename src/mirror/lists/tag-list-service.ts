import type { Clock } from '../../base/clock.ts';
import type { Degradation } from '../../cache/degradation.ts';
import { repositoryKey, type Repository, type Tag } from '../../oci/reference.ts';
import type { Routing } from '../../oci/routing.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { TagsAnswer } from '../mirror.ts';
import type { Upstream } from '../upstream.ts';
import { UpstreamLists, type UpstreamList } from './upstream-lists.ts';

/** Tags kept in memory, over all lists. */
const maxTags = 500_000;

export interface TagListServiceDeps {
  readonly routing: Routing<Upstream>;
  readonly metadata: MetadataStore;
  readonly degradation: Degradation;
  readonly clock: Clock;
}

/**
 * The tags of a repository: upstream's list, as fresh as its tags have to be, with those that were pulled
 * since; when upstream fails the last list with the tags that are cached; and offline those alone.
 */
export class TagListService {
  readonly #deps: TagListServiceDeps;
  readonly #lists: UpstreamLists<Tag>;
  /** For each list that is being asked for: the tags that were pulled in the meantime. */
  readonly #asking = new Map<string, Set<Tag>>();

  constructor(deps: TagListServiceDeps) {
    this.#deps = deps;
    this.#lists = new UpstreamLists(deps.clock, maxTags);
  }

  async tags(repository: Repository): Promise<TagsAnswer> {
    const { breaker } = this.#deps.routing.upstream(repository.upstream);
    const { listed = [], ...answer } = await this.#lists.get(repositoryKey(repository), {
      repository,
      breaker,
      recorded: notRecorded,
      isPartlyCached: async () => (await this.#cached(repository)).length > 0,
      ask: () => this.#ask(repository),
    });
    // Without upstream, only what is cached can be pulled.
    if (breaker.isOffline) return { ...answer, tags: inLexicalOrder(await this.#cached(repository)) };
    if (answer.result !== 'stale') return { ...answer, tags: listed };
    return { ...answer, tags: inLexicalOrder([...(await this.#cached(repository)), ...listed]) };
  }

  /** Whether some tags of the repository are known without upstream. */
  async canAnswer(repository: Repository): Promise<boolean> {
    const known = await this.#lists.known(repositoryKey(repository), notRecorded);
    return (known !== undefined && known.items.length > 0) || (await this.#cached(repository)).length > 0;
  }

  /** Upstream has the tag. A list that it gave before must not deny that. */
  pulled(repository: Repository, tag: Tag): void {
    const key = repositoryKey(repository);
    this.#asking.get(key)?.add(tag);
    this.#lists.amend(key, (tags) => (has(tags, tag) ? tags : inLexicalOrder([...tags, tag])));
  }

  /** One question at a time for each list: {@link UpstreamLists} sees to that. */
  async #ask(repository: Repository): Promise<UpstreamList<Tag>> {
    const { routing, clock } = this.#deps;
    const { registry, breaker, freshness } = routing.upstream(repository.upstream);
    const key = repositoryKey(repository);
    const pulled = new Set<Tag>();
    this.#asking.set(key, pulled);
    try {
      const notices: string[] = [];
      const onWarning = (text: string): void => void notices.push(text);
      const listed = await breaker.watch(() => registry.listTags(repository.name, { onWarning }));
      const items = inLexicalOrder([...listed, ...pulled]);
      const maxAgeMs = freshness.maxAgeOfList(repository, items);
      return { items, checkedAt: clock.now(), maxAgeMs, notices };
    } finally {
      this.#asking.delete(key);
    }
  }

  async #cached(repository: Repository): Promise<readonly Tag[]> {
    const { metadata, degradation } = this.#deps;
    return (await degradation.tolerate(() => metadata.tags(repository))) ?? [];
  }
}

/** Lists are not stored: after a restart the cached tags are the answer until upstream gives its list. */
const notRecorded = () => Promise.resolve(undefined);

/** Byte order, as registries sort; each tag once. Tags are ASCII, so code units will do. */
function inLexicalOrder(tags: readonly Tag[]): readonly Tag[] {
  return [...new Set(tags)].sort();
}

/** Whether a tag is in a list in lexical order. */
function has(tags: readonly Tag[], tag: Tag): boolean {
  let [low, high] = [0, tags.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const found = tags[middle];
    if (found === tag) return true;
    if (found !== undefined && found < tag) low = middle + 1;
    else high = middle;
  }
  return false;
}
