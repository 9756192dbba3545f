import { LRUCache } from 'lru-cache';
import type { Digest } from '../oci/digest.ts';
import { digestKey, type Repository } from '../oci/reference.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import { UpstreamError } from '../upstream/registry.ts';
import type { Degradation } from './degradation.ts';
import type { Routing } from './routing.ts';
import { SingleFlight } from './single-flight.ts';

const remembered = 50_000;

/**
 * Who may read which blob: a repository whose manifest names it, or for which upstream has confirmed it. The bytes may
 * have come by another repository; that alone gives no right to them.
 */
export class Entitlement {
  readonly #routing: Routing;
  readonly #metadata: MetadataStore;
  readonly #degradation: Degradation;
  readonly #sizes = new LRUCache<string, number>({ max: remembered });
  readonly #confirmations = new SingleFlight<number>();

  constructor(routing: Routing, metadata: MetadataStore, degradation: Degradation) {
    this.#routing = routing;
    this.#metadata = metadata;
    this.#degradation = degradation;
  }

  /** The size in bytes of a blob that the repository is known to hold, or undefined. */
  async known(repository: Repository, digest: Digest): Promise<number | undefined> {
    const key = digestKey(repository, digest);
    const remembered = this.#sizes.get(key);
    if (remembered !== undefined) return remembered;
    const stored = await this.#degradation.tolerate(() => this.#metadata.repositoryBlob(repository, digest));
    if (stored !== undefined) this.#sizes.set(key, stored);
    return stored;
  }

  /** Notes that upstream has the blob under that repository. */
  async grant(repository: Repository, digest: Digest, size: number): Promise<void> {
    this.#sizes.set(digestKey(repository, digest), size);
    await this.#degradation.tolerate(() => this.#metadata.putRepositoryBlob(repository, digest, size));
  }

  /**
   * Asks upstream whether the repository holds the blob, and grants it then. Resolves to its size in bytes.
   * @throws {UpstreamError} when it does not, or cannot say
   */
  async confirm(repository: Repository, digest: Digest): Promise<number> {
    const { outcome } = this.#confirmations.run(digestKey(repository, digest), async () => {
      const size = await this.#ask(repository, digest);
      await this.grant(repository, digest, size);
      return size;
    });
    return outcome;
  }

  /** Forgets what is in memory, after the database has dropped some of it. */
  clear(): void {
    this.#sizes.clear();
  }

  /** A HEAD; where that is refused (ECR Public answers 401 to it) or says no size, the beginning of a GET. */
  async #ask(repository: Repository, digest: Digest): Promise<number> {
    const { registry, breaker } = this.#routing.upstream(repository.upstream);
    try {
      const size = await breaker.watch(() => registry.headBlob(repository.name, digest));
      if (size !== undefined) return size;
    } catch (error) {
      const refused =
        error instanceof UpstreamError && ['unauthorized', 'denied', 'invalid'].includes(error.kind);
      if (!refused) throw error;
    }
    const giveUp = new AbortController();
    try {
      const { size } = await breaker.watch(() =>
        registry.openBlob(repository.name, digest, 0, { signal: giveUp.signal }),
      );
      if (size === undefined)
        throw new UpstreamError('invalid', 'upstream does not state the size of the blob');
      return size;
    } finally {
      giveUp.abort();
    }
  }
}
