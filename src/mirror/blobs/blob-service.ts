import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import { registryErrors } from '../../oci/error.ts';
import type { Repository } from '../../oci/reference.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { StoreError } from '../../store/store-error.ts';
import type { Logger } from '../../telemetry/log.ts';
import { UpstreamError, type BlobOpener } from '../../upstream/registry.ts';
import { notArriving, type Arrival } from '../fill/arrival.ts';
import { arrivalOf } from './blob-arrival.ts';
import { FillSource, type BlobSource } from './blob-source.ts';
import type { ManifestEvidence, Entitlement, KnownBlob } from './entitlement.ts';
import type { FillRequest } from '../fill/fill-request.ts';
import type { Fill } from '../fill/fill.ts';
import type { Fills } from '../fill/fills.ts';
import type { InUse, Release } from '../../cache/in-use.ts';
import type { BlobAnswer, BlobStat } from '../mirror.ts';
import { OpenBlob } from './open-blob.ts';
import { promisedSize } from './promised-size.ts';
import type { Routing } from '../../oci/routing.ts';
import type { StoredBlobs } from './stored-blobs.ts';
import { clientError, isRefusal, type Outlook } from '../../upstream/failure-policy.ts';
import type { Upstream } from '../upstream.ts';

export interface BlobServiceOptions {
  readonly routing: Routing<Upstream>;
  readonly blobs: StoredBlobs;
  readonly metadata: MetadataStore;
  readonly entitlement: Entitlement;
  readonly fills: Fills;
  readonly inUse: InUse;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

/** What is known of a blob that has to be waited for. */
interface Opening {
  readonly known: KnownBlob | undefined;
  /** Whether that gives a right to bytes that come by another repository. */
  readonly entitled: boolean;
  /** By the clock that nobody sets. */
  readonly startedAt: number;
}

/** Blobs: from the content store, or by a fill that all who want the same digest share. */
export class BlobService {
  readonly #routing: Routing<Upstream>;
  readonly #blobs: StoredBlobs;
  readonly #metadata: MetadataStore;
  readonly #entitlement: Entitlement;
  readonly #fills: Fills;
  readonly #inUse: InUse;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #random: () => number;

  constructor(options: BlobServiceOptions) {
    this.#routing = options.routing;
    this.#blobs = options.blobs;
    this.#metadata = options.metadata;
    this.#entitlement = options.entitlement;
    this.#fills = options.fills;
    this.#inUse = options.inUse;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#random = options.random;
  }

  /** Whether the repository holds the blob, and how large it is; from what is known, else by a HEAD upstream. */
  async stat(repository: Repository, digest: Digest, evidence: ManifestEvidence): Promise<BlobStat> {
    const known = await this.#entitlement.known(repository, digest);
    if (known !== undefined && (await this.#entitlement.suffices(known, digest, evidence))) {
      const size = await this.#heldSize(repository, digest, known);
      const arriving = this.#fills.get(digest)?.length.known;
      return { size: size ?? arriving ?? known.size, result: 'hit', upstreamMs: 0 };
    }
    const startedAt = this.#clock.monotonic();
    try {
      const { size } = await this.#entitlement.confirm(repository, digest);
      return { size, result: 'miss', upstreamMs: this.#clock.monotonic() - startedAt };
    } catch (error) {
      // Docker Hub refuses what does not exist; a client that is about to push wants to hear 404, then that it may not push.
      if (isRefusal(error)) throw registryErrors.blobUnknown(digest, { cause: error });
      throw this.#clientError(error, digest);
    }
  }

  /** Opens a blob for reading, from the store or from a fill. */
  async open(repository: Repository, digest: Digest, evidence: ManifestEvidence): Promise<BlobAnswer> {
    const release = this.#inUse.hold(digest);
    try {
      return await this.#open(repository, digest, evidence, release);
    } catch (error) {
      release();
      throw this.#clientError(error, digest);
    }
  }

  /**
   * Has a blob fetched, unless it is held or arriving, as {@link open} would for a reader with this evidence. About others'
   * bytes upstream is not asked: the reader may never want them. Undefined for a blob that is held.
   */
  async fetchAhead(
    repository: Repository,
    digest: Digest,
    evidence: ManifestEvidence,
  ): Promise<Arrival | undefined> {
    const release = this.#inUse.hold(digest);
    try {
      const known = await this.#entitlement.known(repository, digest);
      const entitled = known !== undefined && (await this.#entitlement.suffices(known, digest, evidence));
      if ((await this.#held(digest, known)) !== undefined) return undefined;
      const underWay = this.#fills.get(digest);
      // Nobody waits for it yet, and whoever asks for it gets it all the same: here what a manifest states is enough.
      if (underWay === undefined && !this.#fills.mayStore(repository, known?.size ?? 0)) return notArriving;
      const fill = underWay ?? this.#join(repository, digest, { known, entitled }, true).fill;
      const isHeld = async (): Promise<boolean> => (await this.#held(digest, known)) !== undefined;
      return arrivalOf(fill, { fills: this.#fills, joined: underWay !== undefined, isHeld });
    } finally {
      release();
    }
  }

  /** What {@link stat} tells of a blob that is held and may be read; upstream is not asked. Undefined for all others. */
  async statHeld(
    repository: Repository,
    digest: Digest,
    evidence: ManifestEvidence,
  ): Promise<BlobStat | undefined> {
    const known = await this.#entitlement.known(repository, digest);
    if (known === undefined || !(await this.#entitlement.suffices(known, digest, evidence))) return undefined;
    const size = await this.#held(digest, known);
    return size === undefined ? undefined : { size, result: 'hit', upstreamMs: 0 };
  }

  /** Opens a blob that is held and may be read, which does not count as a use of it. Undefined for all others. */
  async openHeld(
    repository: Repository,
    digest: Digest,
    evidence: ManifestEvidence,
  ): Promise<BlobAnswer | undefined> {
    const release = this.#inUse.hold(digest);
    let opened: BlobAnswer | undefined;
    try {
      const held = await this.statHeld(repository, digest, evidence);
      if (held !== undefined) opened = await this.#stored(digest, held.size, release);
      return opened;
    } finally {
      if (opened === undefined) release();
    }
  }

  async #open(
    repository: Repository,
    digest: Digest,
    evidence: ManifestEvidence,
    release: Release,
  ): Promise<BlobAnswer> {
    const startedAt = this.#clock.monotonic();
    let known = await this.#entitlement.known(repository, digest);
    let entitled = known !== undefined && (await this.#entitlement.suffices(known, digest, evidence));
    let held = await this.#held(digest, known);
    const arriving = this.#fills.get(digest);
    const isOthers = held !== undefined || arriving?.mayComeBy(repository) === false;
    // Others' bytes, held or arriving, are this repository's only if upstream says so, or gives them.
    if (!entitled && isOthers && arriving?.cameBy(repository) !== true) {
      known = await this.#entitlement.confirm(repository, digest);
      entitled = true;
      // It may have come to its end meanwhile.
      held ??= await this.#held(digest, known);
    }
    if (held === undefined) return this.#filling(repository, digest, { known, entitled, startedAt }, release);
    if (known !== undefined) await this.#entitlement.measure(repository, digest, known, held);
    const opening = { known: known && { ...known, size: held }, entitled, startedAt };
    const stored = await this.#stored(digest, held, release, async () => {
      const { source } = await this.#arriving(repository, digest, opening);
      // The client was told so.
      source.promised = held;
      return source;
    });
    if (stored === undefined) return this.#filling(repository, digest, opening, release);
    this.#metadata.touch([digest]);
    return stored;
  }

  /** As {@link #held}; the size is then known beyond doubt. */
  async #heldSize(repository: Repository, digest: Digest, known: KnownBlob): Promise<number | undefined> {
    const held = await this.#held(digest, known);
    if (held !== undefined) await this.#entitlement.measure(repository, digest, known, held);
    return held;
  }

  async #held(digest: Digest, known: KnownBlob | undefined): Promise<number | undefined> {
    const release = this.#inUse.hold(digest);
    try {
      return await this.#blobs.size(digest, known?.sizeFrom === 'upstream' ? undefined : known?.size);
    } finally {
      release();
    }
  }

  async #stored(
    digest: Digest,
    size: number,
    release: Release,
    refetch?: () => Promise<BlobSource>,
  ): Promise<BlobAnswer | undefined> {
    const source = await this.#blobs.open(digest, size);
    if (source === undefined) return undefined;
    return new OpenBlob({
      digest,
      source,
      result: 'hit',
      upstreamMs: 0,
      onDamage: (why) => this.#blobs.damaged(digest, why),
      refetch,
      onClose: release,
    });
  }

  async #filling(
    repository: Repository,
    digest: Digest,
    opening: Opening,
    release: Release,
  ): Promise<BlobAnswer> {
    const { source, joined } = await this.#arriving(repository, digest, opening);
    return new OpenBlob({
      digest,
      source,
      result: joined ? 'joined' : 'miss',
      upstreamMs: this.#clock.monotonic() - opening.startedAt,
      onDamage: (why) => this.#blobs.damaged(digest, why),
      onClose: release,
    });
  }

  /** Joins or starts the fill of a blob, and waits until upstream has begun to give it. */
  async #arriving(
    repository: Repository,
    digest: Digest,
    opening: Opening,
  ): Promise<{ readonly source: FillSource; readonly joined: boolean }> {
    const { fill, joined, open, outlook } = this.#join(repository, digest, opening);
    const { entitled } = opening;
    const known = entitled ? opening.known : undefined;
    const source = new FillSource(fill, {
      open,
      outlook,
      hint: known?.size,
      clock: this.#clock,
      logger: this.#logger,
      random: this.#random,
    });
    try {
      source.promised = await promisedSize(fill, known, async () => {
        const { size: stated } = await this.#entitlement.confirm(repository, digest);
        return stated;
      });
      const size = fill.length.known;
      if (!entitled && !fill.cameBy(repository)) await this.#entitlement.confirm(repository, digest);
      else if (!entitled && size !== undefined) this.#entitlement.state(repository, digest, size);
      return { source, joined };
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** Joins or starts the fill of a blob. */
  #join(
    repository: Repository,
    digest: Digest,
    { known, entitled }: Pick<Opening, 'known' | 'entitled'>,
    forNobody = false,
  ): {
    readonly fill: Fill;
    readonly joined: boolean;
    readonly open: BlobOpener;
    readonly outlook: () => Outlook;
  } {
    const { registry, breaker, ranges } = this.#routing.upstream(repository.upstream);
    const outlook = (): Outlook => breaker.outlook;
    const open: BlobOpener = (range) =>
      breaker.watch(() => registry.openBlob(repository.name, digest, range));
    const request: FillRequest = {
      digest,
      hint: entitled ? known?.size : undefined,
      outlook,
      repository,
      open: ranges.opener(open),
      // Upstream may have refused this repository and given the blob to one that joined.
      onCommitted: async (size) => {
        if (fill.cameBy(repository)) await this.#entitlement.grant(repository, digest, size);
      },
    };
    const { fill, joined } = this.#fills.join(request, forNobody);
    if (!joined) void fill.ended.then(() => this.#entitlement.doubt(repository, digest));
    // Each reader of a blob that cannot be stored fetches it for itself: one connection each must do.
    return { fill, joined, open, outlook };
  }

  #clientError(error: unknown, digest: Digest): unknown {
    if (error instanceof UpstreamError) {
      return clientError(error, () => registryErrors.blobUnknown(digest, { cause: error }));
    }
    return error instanceof StoreError ? registryErrors.internal({ cause: error }) : error;
  }
}
