import { setImmediate as turn } from 'node:timers/promises';
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
import type { MetadataDatabase } from '../metadata-database.ts';
import { Plan } from './plan.ts';

/** Evictions from the metadata in a SQLite database. */
export class SqliteEvictions implements Evictions {
  readonly #database: MetadataDatabase;

  constructor(database: MetadataDatabase) {
    this.#database = database;
  }

  async evict(request: EvictionRequest): Promise<Eviction> {
    const { passes } = this.#database.pinned().eviction;
    try {
      return await this.#database.write(() => passes.evict(request));
    } catch (error) {
      passes.restart();
      throw error;
    }
  }

  async *plan(request: Omit<EvictionRequest, 'bytes'>): AsyncIterable<EvictedImage | EvictedBlob> {
    const plan = await this.#database.read(({ eviction }) => new Plan(eviction.deps, request));
    for (;;) {
      const found = await this.#database.read(() => plan.next());
      if (found === undefined) return;
      yield* found;
      await turn();
    }
  }

  remove(
    repository: Repository,
    reference: ManifestReference,
    retention: Retention,
  ): Promise<Eviction | undefined> {
    return this.#database.write(({ eviction }) => eviction.onDemand.remove(repository, reference, retention));
  }

  affected(repository: Repository, reference: ManifestReference): Promise<readonly TaggedManifest[]> {
    return this.#database.read(({ eviction }) => eviction.onDemand.affected(repository, reference));
  }

  condemned(limit: number): Promise<readonly Digest[]> {
    return this.#database.read(({ eviction }) => eviction.condemned.first.all(limit));
  }

  isCondemned(digest: Digest): Promise<boolean> {
    return this.#database.read(({ eviction }) => eviction.condemned.find.get(digest) !== undefined);
  }

  forgetCondemned(digest: Digest): Promise<void> {
    // What a power failure undoes of this is found again, with no bytes.
    return this.#database.read(({ connection, eviction }) =>
      connection.transactLazily(() => {
        eviction.condemned.remove.run(digest);
      }),
    );
  }

  tidy(before: number): Promise<boolean> {
    return this.#database.write(({ eviction }) => eviction.tidying.run(before));
  }

  usage(): Promise<StoreUsage> {
    return this.#database.read(({ eviction }) => eviction.accounts.usage());
  }

  usageOf(scope: Scope): Promise<number> {
    return this.#database.read(({ eviction }) => eviction.accounts.bytes(scope));
  }
}
