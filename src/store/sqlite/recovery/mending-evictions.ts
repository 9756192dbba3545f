import type { Digest } from '../../../oci/digest.ts';
import type { ManifestReference, Repository } from '../../../oci/reference.ts';
import type {
  EvictedBlob,
  EvictedImage,
  Eviction,
  EvictionRequest,
  Evictions,
  Retention,
  Scope,
  StoreUsage,
  TaggedManifest,
} from '../../evictions.ts';
import type { CurrentStore } from './current-store.ts';

/** The evictions of the store of the moment. */
export class MendingEvictions implements Evictions {
  readonly #current: CurrentStore;

  constructor(current: CurrentStore) {
    this.#current = current;
  }

  evict(request: EvictionRequest): Promise<Eviction> {
    return this.#current.ask(({ evictions }) => evictions.evict(request));
  }

  async *plan(request: Omit<EvictionRequest, 'bytes'>): AsyncIterable<EvictedImage | EvictedBlob> {
    const store = await this.#current.ask((current) => Promise.resolve(current));
    try {
      yield* store.evictions.plan(request);
    } catch (error) {
      this.#current.report(store, error);
      throw error;
    }
  }

  remove(
    repository: Repository,
    reference: ManifestReference,
    retention: Retention,
  ): Promise<Eviction | undefined> {
    return this.#current.ask(({ evictions }) => evictions.remove(repository, reference, retention));
  }

  affected(repository: Repository, reference: ManifestReference): Promise<readonly TaggedManifest[]> {
    return this.#current.ask(({ evictions }) => evictions.affected(repository, reference));
  }

  condemned(limit: number): Promise<readonly Digest[]> {
    return this.#current.ask(({ evictions }) => evictions.condemned(limit));
  }

  isCondemned(digest: Digest): Promise<boolean> {
    return this.#current.ask(({ evictions }) => evictions.isCondemned(digest));
  }

  forgetCondemned(digest: Digest): Promise<void> {
    return this.#current.ask(({ evictions }) => evictions.forgetCondemned(digest));
  }

  tidy(before: number): Promise<boolean> {
    return this.#current.ask(({ evictions }) => evictions.tidy(before));
  }

  usage(): Promise<StoreUsage> {
    return this.#current.ask(({ evictions }) => evictions.usage());
  }

  usageOf(scope: Scope): Promise<number> {
    return this.#current.ask(({ evictions }) => evictions.usageOf(scope));
  }
}
