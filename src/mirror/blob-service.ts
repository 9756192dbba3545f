import type { Clock } from '../clock.ts';
import type { Digest } from '../oci/digest.ts';
import { registryErrors } from '../oci/error.ts';
import { repositoryKey, type Repository } from '../oci/reference.ts';
import type { ContentStore } from '../store/content-store.ts';
import type { MetadataStore } from '../store/metadata-store.ts';
import { StoreError } from '../store/store-error.ts';
import type { Logger } from '../telemetry/log.ts';
import { UpstreamError } from '../upstream/registry.ts';
import { FillSource, StoredSource } from './blob-source.ts';
import type { Degradation } from './degradation.ts';
import type { Claims, Entitlement, KnownBlob } from './entitlement.ts';
import type { Fill } from './fill.ts';
import type { Fills } from './fills.ts';
import type { BlobAnswer, BlobStat } from './mirror.ts';
import { OpenBlob } from './open-blob.ts';
import type { BlobOpener } from './resumable-blob.ts';
import type { Routing } from './routing.ts';
import { clientError } from './upstream-failure.ts';

export interface BlobServiceOptions {
  readonly routing: Routing;
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly entitlement: Entitlement;
  readonly fills: Fills;
  readonly degradation: Degradation;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

/** What is known of a blob that has to be waited for. */
interface Opening {
  readonly known: KnownBlob | undefined;
  /** Whether that gives a right to bytes that come by another repository. */
  readonly entitled: boolean;
  readonly startedAt: number;
}

/** Blobs: from the content store, or by a fill that all who want the same digest share. */
export class BlobService {
  readonly #routing: Routing;
  readonly #content: ContentStore;
  readonly #metadata: MetadataStore;
  readonly #entitlement: Entitlement;
  readonly #fills: Fills;
  readonly #degradation: Degradation;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #random: () => number;

  constructor(options: BlobServiceOptions) {
    this.#routing = options.routing;
    this.#content = options.content;
    this.#metadata = options.metadata;
    this.#entitlement = options.entitlement;
    this.#fills = options.fills;
    this.#degradation = options.degradation;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#random = options.random;
  }

  /** Whether the repository holds the blob, and how large it is; from what is known, else by a HEAD upstream. */
  async stat(repository: Repository, digest: Digest, claims: Claims): Promise<BlobStat> {
    const known = await this.#entitlement.known(repository, digest);
    if (known !== undefined && (await this.#entitlement.suffices(known, digest, claims))) {
      const size = (await this.#held(digest)) ?? known.size;
      return { size, result: 'hit', upstreamMs: 0 };
    }
    const startedAt = this.#clock.now();
    try {
      const { size } = await this.#entitlement.confirm(repository, digest);
      return { size, result: 'miss', upstreamMs: this.#clock.now() - startedAt };
    } catch (error) {
      throw this.#clientError(error, digest);
    }
  }

  /** Opens a blob for reading, from the store or from a fill. */
  async open(repository: Repository, digest: Digest, claims: Claims): Promise<BlobAnswer> {
    const startedAt = this.#clock.now();
    try {
      let known = await this.#entitlement.known(repository, digest);
      let entitled = known !== undefined && (await this.#entitlement.suffices(known, digest, claims));
      const held = await this.#held(digest);
      // Others' bytes, held or arriving, are this repository's only if upstream says so.
      if (!entitled && (held !== undefined || this.#fills.get(digest) !== undefined)) {
        known = await this.#entitlement.confirm(repository, digest);
        entitled = true;
      }
      if (held !== undefined && known?.certain === false) {
        await this.#entitlement.grant(repository, digest, held);
      }
      const stored = held === undefined ? undefined : await this.#stored(digest, held);
      if (stored !== undefined) this.#metadata.touch([digest]);
      return stored ?? (await this.#filling(repository, digest, { known, entitled, startedAt }));
    } catch (error) {
      throw this.#clientError(error, digest);
    }
  }

  /** What {@link stat} tells of a blob that is held and may be read; upstream is not asked. Undefined for all others. */
  async statHeld(repository: Repository, digest: Digest, claims: Claims): Promise<BlobStat | undefined> {
    const known = await this.#entitlement.known(repository, digest);
    if (known === undefined || !(await this.#entitlement.suffices(known, digest, claims))) return undefined;
    const size = await this.#held(digest);
    return size === undefined ? undefined : { size, result: 'hit', upstreamMs: 0 };
  }

  /** Opens a blob that is held and may be read, which does not count as a use of it. Undefined for all others. */
  async openHeld(repository: Repository, digest: Digest, claims: Claims): Promise<BlobAnswer | undefined> {
    const held = await this.statHeld(repository, digest, claims);
    return held === undefined ? undefined : await this.#stored(digest, held.size);
  }

  /** The size of a blob that is held. One that a crash left without its row is complete all the same, and gets its row now. */
  async #held(digest: Digest): Promise<number | undefined> {
    const recorded = await this.#degradation.tolerate(() => this.#metadata.blob(digest));
    if (recorded !== undefined || this.#fills.get(digest) !== undefined) return recorded;
    const size = await this.#degradation.tolerate(() => this.#content.size(digest));
    if (size !== undefined) await this.#degradation.tolerate(() => this.#metadata.putBlob(digest, size));
    return size;
  }

  async #stored(digest: Digest, size: number): Promise<BlobAnswer | undefined> {
    const found = await this.#degradation.tolerate(async () => ({
      reader: await this.#content.open(digest),
    }));
    // The store failed to open it, which does not mean that the blob is damaged.
    if (found === undefined) return undefined;
    const { reader } = found;
    if (reader?.size !== size) {
      await reader?.close();
      await this.#damaged(digest, 'the stored blob is missing or has another size');
      return undefined;
    }
    return new OpenBlob({
      digest,
      source: new StoredSource(reader),
      size,
      result: 'hit',
      upstreamMs: 0,
      onDamage: (why) => this.#damaged(digest, why),
    });
  }

  async #filling(
    repository: Repository,
    digest: Digest,
    { known, entitled, startedAt }: Opening,
  ): Promise<BlobAnswer> {
    const { registry, breaker } = this.#routing.upstream(repository.upstream);
    const own = { given: false };
    const open: BlobOpener = async (offset, signal) => {
      const stream = await breaker.watch(() =>
        registry.openBlob(repository.name, digest, offset, { signal }),
      );
      own.given = true;
      return stream;
    };
    const { fill, joined } = this.#fills.join({
      digest,
      // A size that only an unverified claim states must not decide when others' bytes end; without one, upstream's answer does.
      size: entitled && known?.certain === true ? known.size : undefined,
      via: repositoryKey(repository),
      open,
      // Upstream may have refused this repository and given the blob to one that joined.
      onCommitted: async (size) => {
        if (own.given) await this.#entitlement.grant(repository, digest, size);
      },
    });
    if (!joined) void fill.ended.then(() => this.#entitlement.doubt(repository, digest));
    const source = new FillSource(fill, {
      open,
      clock: this.#clock,
      logger: this.#logger,
      random: this.#random,
    });
    try {
      const size = await this.#arrivingSize(repository, fill);
      source.statedSize = size;
      if (!entitled && !own.given) await this.#entitlement.confirm(repository, digest);
      else if (!entitled) this.#entitlement.state(repository, digest, size);
      return new OpenBlob({
        digest,
        source,
        size,
        result: joined ? 'joined' : 'miss',
        upstreamMs: this.#clock.now() - startedAt,
        onDamage: (why) => this.#damaged(digest, why),
      });
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** The size as the fill knows it, not as this repository's manifest states it: manifests may state different sizes of one digest. */
  async #arrivingSize(repository: Repository, fill: Fill): Promise<number> {
    try {
      return await fill.size;
    } catch (error) {
      // The store failed before upstream had said a word: the blob can still pass through.
      if (!(error instanceof StoreError)) throw error;
      return (await this.#entitlement.confirm(repository, fill.digest)).size;
    }
  }

  /** Forgets bytes that are not what they should be, so that the next request fetches them anew. */
  async #damaged(digest: Digest, reason: unknown): Promise<void> {
    if (this.#fills.get(digest) !== undefined) return;
    this.#logger.error(
      { digest, err: reason instanceof Error ? reason : new Error(String(reason)) },
      'a stored blob is damaged',
    );
    await this.#degradation.tolerate(() => this.#metadata.removeBlob(digest));
    await this.#degradation.tolerate(() => this.#content.remove(digest));
  }

  #clientError(error: unknown, digest: Digest): unknown {
    if (error instanceof UpstreamError) {
      return clientError(error, () => registryErrors.blobUnknown(digest, { cause: error }));
    }
    return error instanceof StoreError ? registryErrors.internal({ cause: error }) : error;
  }
}
