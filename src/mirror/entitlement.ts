import { LRUCache } from 'lru-cache';
import type { Digest } from '../oci/digest.ts';
import { digestKey, type Repository } from '../oci/reference.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import { askBlobSize } from './blob-size.ts';
import type { Degradation } from './degradation.ts';
import type { Routing } from './routing.ts';
import { SingleFlight } from './single-flight.ts';

const maxRemembered = 50_000;

/** A blob that a repository is known to hold. */
export interface KnownBlob {
  /** In bytes. */
  readonly size: number;
  /** Whether a verified manifest or the blob's own bytes say so, and not just a header of upstream's, which can be wrong. */
  readonly certain: boolean;
}

/**
 * Who may read which blob: a repository whose manifest names it, or for which upstream has confirmed it. The bytes may
 * have come by another repository; that alone gives no right to them.
 */
export class Entitlement {
  readonly #routing: Routing;
  readonly #metadata: MetadataStore;
  readonly #degradation: Degradation;
  readonly #blobs = new LRUCache<string, KnownBlob>({ max: maxRemembered });
  readonly #confirmations = new SingleFlight<KnownBlob>();

  constructor(routing: Routing, metadata: MetadataStore, degradation: Degradation) {
    this.#routing = routing;
    this.#metadata = metadata;
    this.#degradation = degradation;
  }

  /** A blob that the repository is known to hold, or undefined. */
  async known(repository: Repository, digest: Digest): Promise<KnownBlob | undefined> {
    const key = digestKey(repository, digest);
    const remembered = this.#blobs.get(key);
    if (remembered !== undefined) return remembered;
    const size = await this.#degradation.tolerate(() => this.#metadata.repositoryBlob(repository, digest));
    if (size === undefined) return undefined;
    const known = { size, certain: true };
    this.#blobs.set(key, known);
    return known;
  }

  /** Notes that upstream has the blob under that repository, and that it has `size` bytes beyond doubt. */
  async grant(repository: Repository, digest: Digest, size: number): Promise<void> {
    this.#blobs.set(digestKey(repository, digest), { size, certain: true });
    await this.#degradation.tolerate(() => this.#metadata.putRepositoryBlob(repository, digest, size));
  }

  /**
   * Notes that upstream has the blob under that repository and states its size. Not written down: a wrong size would
   * outlive the answer that stated it.
   */
  state(repository: Repository, digest: Digest, size: number): KnownBlob {
    const stated = { size, certain: false };
    this.#blobs.set(digestKey(repository, digest), stated);
    return stated;
  }

  /** Forgets a size that upstream has stated and nothing has borne out. */
  doubt(repository: Repository, digest: Digest): void {
    const key = digestKey(repository, digest);
    if (this.#blobs.peek(key)?.certain === false) this.#blobs.delete(key);
  }

  /**
   * Asks upstream whether the repository holds the blob.
   * @throws {UpstreamError} when it does not, or cannot say
   */
  async confirm(repository: Repository, digest: Digest): Promise<KnownBlob> {
    const { registry, breaker } = this.#routing.upstream(repository.upstream);
    const { outcome } = this.#confirmations.run(digestKey(repository, digest), async () =>
      this.state(
        repository,
        digest,
        await breaker.watch(() => askBlobSize(registry, repository.name, digest)),
      ),
    );
    return outcome;
  }

  /** Forgets what is in memory, after the database has dropped some of it. */
  clear(): void {
    this.#blobs.clear();
  }
}
