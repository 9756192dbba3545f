import { registryErrors } from '../../oci/error.ts';
import type { Repository, RepositoryName } from '../../oci/reference.ts';
import type { Routing } from '../../oci/routing.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { StoreError } from '../../store/store-error.ts';
import type { Gate } from '../access/gate.ts';
import type { CatalogPage } from '../mirror.ts';
import type { Upstream } from '../upstream.ts';

/** Names read from the database at a time. */
const batch = 500;

/** Cached repositories of one upstream whose canonical names share a prefix, in lexical order. */
interface Source {
  readonly upstream: Upstream;
  /** What stands before their names. */
  readonly prefix: string;
}

interface Entry {
  readonly name: string;
  readonly repository: Repository;
}

export interface CatalogDeps {
  readonly routing: Routing<Upstream>;
  readonly metadata: MetadataStore;
  readonly gate: Gate;
}

/** The canonical names of all that is cached, as far as a reader may see them. Upstream is never asked. */
export class Catalog {
  readonly #deps: CatalogDeps;

  constructor(deps: CatalogDeps) {
    this.#deps = deps;
  }

  /**
   * The first names of a page, in lexical order, that match.
   * @throws {RegistryError} for a reader who may not use the catalog, and when the database cannot be read
   */
  async find(page: CatalogPage, matches: (name: string) => boolean = () => true): Promise<readonly string[]> {
    const { reader, limit } = page;
    const { gate } = this.#deps;
    gate.admitToCatalog(reader);
    const found: string[] = [];
    if (limit <= 0) return found;
    try {
      for await (const { name, repository } of this.#merged(page)) {
        if (!matches(name) || !(await gate.shows(repository, reader))) continue;
        found.push(name);
        if (found.length === limit) break;
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      throw registryErrors.unavailable('the catalog cannot be read right now', { cause: error });
    }
    return found;
  }

  async *#merged(page: CatalogPage): AsyncGenerator<Entry> {
    const { namespace } = page;
    const sources = this.#sources().filter(
      ({ upstream }) => namespace === undefined || upstream.name === namespace,
    );
    const streams = await Promise.all(
      sources.map(async (source) => {
        const entries = this.#entries(source, page);
        return { entries, next: await entries.next() };
      }),
    );
    for (;;) {
      const [first] = streams
        .filter(({ next }) => next.done !== true)
        .sort((one, other) => (nameOf(one.next) < nameOf(other.next) ? -1 : 1));
      if (first === undefined || first.next.done === true) return;
      yield first.next.value;
      first.next = await first.entries.next();
    }
  }

  /** The default upstream's names are plain, but for those that would be taken for another registry's. */
  #sources(): readonly Source[] {
    const { upstreams, plain } = this.#deps.routing;
    const prefixed = upstreams.map((upstream) => ({ upstream, prefix: `${upstream.name}/` }));
    return plain === undefined ? prefixed : [...prefixed, { upstream: plain, prefix: '' }];
  }

  async *#entries({ upstream, prefix }: Source, { reader, last = '' }: CatalogPage): AsyncGenerator<Entry> {
    if (last > prefix && !last.startsWith(prefix)) return;
    const { routing, metadata, gate } = this.#deps;
    const onlyPublic = gate.showsOnlyPublic(upstream, reader);
    let after: string | undefined = last.startsWith(prefix) ? last.slice(prefix.length) : '';
    while (after !== undefined) {
      const limits = { last: after, limit: batch };
      const page: readonly RepositoryName[] = await (onlyPublic
        ? metadata.publicRepositories(upstream.name, limits)
        : metadata.repositories(upstream.name, limits));
      for (const name of page) {
        const repository = { upstream: upstream.name, name };
        const canonical = routing.canonicalName(repository);
        if (canonical === `${prefix}${name}`) yield { name: canonical, repository };
      }
      after = page.length < batch ? undefined : page.at(-1);
    }
  }
}

function nameOf(next: IteratorResult<Entry, undefined>): string {
  return next.value?.name ?? '';
}
