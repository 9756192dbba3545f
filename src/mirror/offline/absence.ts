import { companionSubject } from '../../oci/companion-tag.ts';
import { RegistryError } from '../../oci/error.ts';
import { referenceText, type Repository } from '../../oci/reference.ts';
import type { Routing } from '../../oci/routing.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { StoreError } from '../../store/store-error.ts';
import type { Gate } from '../access/gate.ts';
import type { Resource } from '../access/resource.ts';
import type { Catalog } from '../lists/catalog.ts';
import type { PullTarget } from '../mirror.ts';
import type { Upstream } from '../upstream.ts';
import { isNear, nearestNames, nearestTags } from './nearest.ts';

export interface AbsenceDeps {
  readonly routing: Routing<Upstream>;
  readonly gate: Gate;
  readonly catalog: Catalog;
  readonly metadata: MetadataStore;
}

/** Names that are compared in detail. */
const maxNear = 100;

/**
 * Tells a client of an offline mirror what it may have in place of what is not cached. Names only what the
 * reader may see.
 */
export class Absence {
  readonly #deps: AbsenceDeps;

  constructor(deps: AbsenceDeps) {
    this.#deps = deps;
  }

  /** The same error with a message that says that the mirror is offline, and what is cached instead. */
  async explain(error: RegistryError, target: PullTarget, resource: Resource): Promise<RegistryError> {
    const message = await this.#message(target, resource);
    const { code, status, detail, hidden, repository, cause } = error;
    return new RegistryError(code, status, message, { detail, hidden, repository, cause });
  }

  async #message(target: PullTarget, resource: Resource): Promise<string> {
    try {
      return await this.#withNames(target, resource);
    } catch (error) {
      // Readers who may not list names are given none; nor is anyone while the database cannot be read.
      if (!(error instanceof RegistryError || error instanceof StoreError)) throw error;
      return offlineAnd('this is not cached');
    }
  }

  async #withNames(target: PullTarget, resource: Resource): Promise<string> {
    const { routing, gate, metadata } = this.#deps;
    const candidates = routing.candidates(target);
    const wanted = this.#name(candidates[0]);
    for (const repository of candidates) {
      if (!(await gate.shows(repository, target.reader))) continue;
      const tags = (await metadata.tags(repository)).filter((tag) => companionSubject(tag) === undefined);
      if (tags.length === 0) continue;
      const name = this.#name(repository);
      if (resource.noun !== 'manifest') return offlineAnd(`${written(name, resource)} is not cached`);
      if ('digest' in resource.reference) {
        const { digest } = resource.reference;
        const isListed = (await metadata.indexesOf(repository, digest)).length > 0;
        return offlineAnd(
          isListed ? `${name} is not cached for this platform` : `${written(name, resource)} is not cached`,
        );
      }
      const { tag } = resource.reference;
      if (companionSubject(tag) !== undefined) return offlineAnd(`${name}:${tag} is not cached`);
      const near = nearestTags(tag, tags).map((one) => `${name}:${one}`);
      return offlineAnd(`${name}:${tag} is not cached`, near);
    }
    const near = nearestNames(wanted, await this.#similar(target, wanted));
    return offlineAnd(`${written(wanted, resource)} is not cached`, near);
  }

  /** Cached names that may be meant, as far as the reader may see them. */
  async #similar({ reader, namespace }: PullTarget, wanted: string): Promise<readonly string[]> {
    const { catalog } = this.#deps;
    const page = { reader, last: undefined, limit: maxNear, namespace };
    const names = await catalog.find(page, (name) => isNear(wanted, name));
    return names.map(short);
  }

  /** As people write it. */
  #name(repository: Repository): string {
    return short(this.#deps.routing.canonicalName(repository));
  }
}

function offlineAnd(what: string, cached: readonly string[] = []): string {
  const message = `the mirror is offline, and ${what}`;
  return cached.length === 0 ? message : `${message}; cached: ${cached.join(', ')}`;
}

/** Docker Hub's own images are known without `library/`. */
function short(name: string): string {
  return name.replace(/^(?:docker\.io\/)?library\//, '');
}

/** What a client asks for, as people write it. */
function written(name: string, resource: Resource): string {
  switch (resource.noun) {
    case 'manifest':
      return `${name}${'digest' in resource.reference ? '@' : ':'}${referenceText(resource.reference)}`;
    case 'blob':
      return `${name}@${resource.digest}`;
    case 'referrers':
      return `${name}@${resource.subject}`;
    case 'tags':
      return name;
  }
}
