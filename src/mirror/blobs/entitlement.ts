import { lru } from '../../base/lru.ts';
import type { Digest } from '../../oci/digest.ts';
import { digestKey, type Repository } from '../../oci/reference.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { askBlobSize } from '../../upstream/blob-size.ts';
import type { Degradation } from '../../cache/degradation.ts';
import type { Routing } from '../../oci/routing.ts';
import { SingleFlight } from '../../base/single-flight.ts';
import type { Upstream } from '../upstream.ts';

const maxRemembered = 50_000;

/**
 * Where the size of a blob is known from: its verified bytes, a header of upstream's, or a manifest, which
 * anybody can write.
 */
type SizeSource = 'bytes' | 'upstream' | 'manifest';

/** A blob that a repository is known to hold. */
export interface KnownBlob {
  /** In bytes. */
  readonly size: number;
  /** Who says so. */
  readonly sizeFrom: SizeSource;
  /** Whether upstream has given or confirmed it for the repository; if not, only a manifest names it. */
  readonly confirmed: boolean;
}

/**
 * Whether it is enough for a reader that a manifest names a blob. It is not for those who may read only some
 * of what is cached: a manifest in a repository of their own would give them any cached blob.
 */
export type ManifestEvidence = 'suffices' | 'needs-proof';

/** What is known of a blob, and whether that lets a reader have it without a question to upstream. */
export type Right =
  | { readonly known: KnownBlob; readonly entitled: true }
  | { readonly known: KnownBlob | undefined; readonly entitled: false };

interface EntitlementDeps {
  readonly routing: Routing<Upstream>;
  readonly metadata: MetadataStore;
  readonly degradation: Degradation;
}

/**
 * Which repositories may give which blobs: those for which upstream has confirmed it, or whose manifest names
 * it, where that is enough. The bytes may have come by another repository, which alone gives no right to
 * them.
 */
export class Entitlement {
  readonly #deps: EntitlementDeps;
  readonly #blobs = lru<string, KnownBlob>(maxRemembered);
  readonly #confirmations = new SingleFlight<KnownBlob>();
  #forgotten = 0;

  constructor(deps: EntitlementDeps) {
    this.#deps = deps;
  }

  /** What is in memory of a blob that the repository is known to hold. */
  peek(repository: Repository, digest: Digest): KnownBlob | undefined {
    return this.#blobs.get(digestKey(repository, digest));
  }

  /** A blob that the repository is known to hold, or undefined. */
  async known(repository: Repository, digest: Digest): Promise<KnownBlob | undefined> {
    const key = digestKey(repository, digest);
    const remembered = this.#blobs.get(key);
    if (remembered !== undefined) return remembered;
    const forgotten = this.#forgotten;
    const { metadata, degradation } = this.#deps;
    const stored = await degradation.tolerate(() => metadata.repositoryBlob(repository, digest));
    if (stored === undefined) return undefined;
    const { size, measured, confirmed } = stored;
    const known: KnownBlob = { size, sizeFrom: measured ? 'bytes' : 'manifest', confirmed };
    // Unless it was evicted since it was read.
    if (forgotten === this.#forgotten) this.#blobs.set(key, known);
    return known;
  }

  async of(repository: Repository, digest: Digest, evidence: ManifestEvidence): Promise<Right> {
    const known = await this.known(repository, digest);
    if (known === undefined) return { known, entitled: false };
    const isEnough = known.confirmed || evidence === 'suffices' || (await this.#isPublic(digest));
    return { known, entitled: isEnough };
  }

  /** Notes that upstream has the blob under that repository, and that its bytes are `size` in all. */
  async grant(repository: Repository, digest: Digest, size: number): Promise<void> {
    this.#blobs.set(digestKey(repository, digest), { size, sizeFrom: 'bytes', confirmed: true });
    const { metadata, degradation } = this.#deps;
    await degradation.tolerate(() => metadata.putRepositoryBlob(repository, digest, size));
  }

  /** Whether a blob was confirmed for some repository that everybody may read. */
  async #isPublic(digest: Digest): Promise<boolean> {
    const { routing, metadata, degradation } = this.#deps;
    const open = routing.upstreams.filter(({ anonymous }) => anonymous === undefined);
    const names = open.map(({ name }) => name);
    return (await degradation.tolerate(() => metadata.isPublicBlob(digest, names))) === true;
  }

  /**
   * Notes that upstream has the blob under that repository and states its size. Kept in memory only: a wrong
   * size would outlive the answer that stated it.
   */
  state(repository: Repository, digest: Digest, size: number): KnownBlob {
    const stated: KnownBlob = { size, sizeFrom: 'upstream', confirmed: true };
    this.#blobs.set(digestKey(repository, digest), stated);
    return stated;
  }

  /** Forgets a size that upstream has stated and that was never verified. */
  doubt(repository: Repository, digest: Digest): void {
    const key = digestKey(repository, digest);
    if (this.#blobs.peek(key)?.sizeFrom === 'upstream') this.#blobs.delete(key);
  }

  /** Notes that the bytes of a known blob are here, and are `size` in all, whatever was said before. */
  async measure(repository: Repository, digest: Digest, known: KnownBlob, size: number): Promise<void> {
    if (known.sizeFrom === 'bytes' && known.size === size) return;
    if (known.sizeFrom === 'upstream') return this.grant(repository, digest, size);
    const key = digestKey(repository, digest);
    // Unless it was forgotten since it was read.
    if (this.#blobs.peek(key) === known) this.#blobs.set(key, { ...known, size, sizeFrom: 'bytes' });
  }

  /**
   * Asks upstream whether the repository holds the blob.
   * @throws {UpstreamError} when it does not, or cannot say
   */
  async confirm(repository: Repository, digest: Digest): Promise<KnownBlob> {
    const { registry, breaker } = this.#deps.routing.upstream(repository.upstream);
    const { outcome } = this.#confirmations.run(digestKey(repository, digest), async () =>
      this.state(
        repository,
        digest,
        await breaker.watch(() => askBlobSize(registry, repository.name, digest)),
      ),
    );
    return outcome;
  }

  /** Forgets a right that the database has dropped. */
  forget(repository: Repository, digest: Digest): void {
    this.#forgotten += 1;
    this.#blobs.delete(digestKey(repository, digest));
  }
}
