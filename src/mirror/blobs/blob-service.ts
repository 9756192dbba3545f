import type { Clock } from '../../base/clock.ts';
import type { InUse } from '../../cache/in-use.ts';
import type { Digest } from '../../oci/digest.ts';
import { registryErrors } from '../../oci/error.ts';
import type { Repository } from '../../oci/reference.ts';
import type { Routing } from '../../oci/routing.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { StoreError } from '../../store/store-error.ts';
import type { Logger } from '../../telemetry/log.ts';
import { offlineError } from '../../upstream/connectivity.ts';
import { clientError, isRefusal, type Outlook } from '../../upstream/failure-policy.ts';
import { UpstreamError, type BlobOpener } from '../../upstream/registry.ts';
import type { Fill, FillRequest } from '../fill/fill.ts';
import { isGivenUp, NotStored } from '../fill/fill-failure.ts';
import type { Fills } from '../fill/fills.ts';
import type { BlobAnswer, BlobStat } from '../mirror.ts';

import type { Upstream } from '../upstream.ts';
import { arrivalOf, type Arrival } from './arrival.ts';
import { ArrivingBlob } from './arriving-blob.ts';
import { CachedBlob } from './cached-blob.ts';
import type { Entitlement, KnownBlob, ManifestEvidence, Right } from './entitlement.ts';
import { promisedSize } from './promised-size.ts';
import type { StoredBlobs } from './stored-blobs.ts';

export interface BlobServiceDeps {
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

/** A fill that was joined or begun, and how to fetch its blob without it. */
interface Joined {
  readonly fill: Fill;
  readonly joined: boolean;
  readonly open: BlobOpener;
  readonly outlook: () => Outlook;
}

/** Blobs: from the content store, or by a fill that all who want the same digest share. */
export class BlobService {
  readonly #deps: BlobServiceDeps;

  constructor(deps: BlobServiceDeps) {
    this.#deps = deps;
  }

  /** Whether the repository has the blob, and its size: from what is known, else by HEAD upstream. */
  async stat(repository: Repository, digest: Digest, evidence: ManifestEvidence): Promise<BlobStat> {
    const { inUse, entitlement, fills, clock } = this.#deps;
    using _ = inUse.hold(digest);
    const { known, entitled } = await entitlement.of(repository, digest, evidence);
    if (entitled) {
      const cached = await this.#cachedSize(digest, known);
      const arriving = fills.get(digest);
      if (cached !== undefined) await entitlement.measure(repository, digest, known, cached);
      else if (arriving === undefined && this.#isOffline(repository))
        throw clientErrorOf(offlineError(), digest);
      return hit(cached ?? arriving?.length.known ?? known.size);
    }
    const startedAt = clock.monotonic();
    try {
      const { size } = await entitlement.confirm(repository, digest);
      return { size, result: 'miss', upstreamMs: clock.monotonic() - startedAt };
    } catch (error) {
      // Docker Hub refuses what does not exist; a client about to push expects 404.
      if (isRefusal(error)) throw registryErrors.blobUnknown(digest, { cause: error });
      throw clientErrorOf(error, digest);
    }
  }

  /** Opens a blob for reading, from the store or from a fill. */
  async open(repository: Repository, digest: Digest, evidence: ManifestEvidence): Promise<BlobAnswer> {
    using _ = this.#deps.inUse.hold(digest);
    try {
      return await this.#open(repository, digest, evidence);
    } catch (error) {
      const isCutOff = this.#isOffline(repository) && isGivenUp(error);
      throw clientErrorOf(isCutOff ? offlineError() : error, digest);
    }
  }

  /**
   * Fetches a blob, unless it is cached or arriving, as {@link open} would for such a reader. Upstream is not
   * asked about bytes that came by another repository: the reader may never want them.
   */
  async fetchAhead(
    repository: Repository,
    digest: Digest,
    evidence: ManifestEvidence,
  ): Promise<Arrival | 'cached' | NotStored> {
    const { inUse, entitlement, fills } = this.#deps;
    using _ = inUse.hold(digest);
    const right = await entitlement.of(repository, digest, evidence);
    const { known } = right;
    if ((await this.#cachedSize(digest, known)) !== undefined) return 'cached';
    const underWay = fills.get(digest);
    // No client waits for it, and any that asks gets it all the same: here a manifest's size is enough.
    if (underWay === undefined) {
      const refusal = this.#isOffline(repository)
        ? 'the mirror is offline'
        : fills.refusal(repository, known?.size ?? 0);
      if (refusal !== undefined) return new NotStored(refusal);
    }
    const fill = underWay ?? this.#join(repository, digest, right, true).fill;
    const isCached = async (): Promise<boolean> => {
      using _held = inUse.hold(digest);
      return (await this.#cachedSize(digest, known)) !== undefined;
    };
    return arrivalOf(fill, underWay !== undefined, isCached);
  }

  /** As {@link stat} for a blob that is cached and may be read, else undefined. Upstream is not asked. */
  async statCached(
    repository: Repository,
    digest: Digest,
    evidence: ManifestEvidence,
  ): Promise<BlobStat | undefined> {
    using _ = this.#deps.inUse.hold(digest);
    const { known, entitled } = await this.#deps.entitlement.of(repository, digest, evidence);
    const size = entitled ? await this.#cachedSize(digest, known) : undefined;
    return size === undefined ? undefined : hit(size);
  }

  /** Opens a blob that is cached and may be read, which is not a use of it. Undefined for others. */
  async openCached(
    repository: Repository,
    digest: Digest,
    evidence: ManifestEvidence,
  ): Promise<BlobAnswer | undefined> {
    using _ = this.#deps.inUse.hold(digest);
    const cached = await this.statCached(repository, digest, evidence);
    return cached && this.#openCached(digest, cached.size);
  }

  async #open(repository: Repository, digest: Digest, evidence: ManifestEvidence): Promise<BlobAnswer> {
    const { entitlement, fills, metadata, clock } = this.#deps;
    const startedAt = clock.monotonic();
    let right = await entitlement.of(repository, digest, evidence);
    let cached = await this.#cachedSize(digest, right.known);
    const arriving = fills.get(digest);
    const isOthers = cached !== undefined || arriving?.candidates.has(repository) === false;
    // Bytes that came by another repository are this one's only if upstream says so, or gives them.
    if (!right.entitled && isOthers && arriving?.candidates.gave(repository) !== true) {
      right = { known: await entitlement.confirm(repository, digest), entitled: true };
      // It may have come to its end meanwhile.
      cached ??= await this.#cachedSize(digest, right.known);
    }
    if (cached === undefined) return this.#openArriving(repository, digest, { right, startedAt });
    const { known } = right;
    if (known !== undefined) await entitlement.measure(repository, digest, known, cached);
    const size = cached;
    const fetched = known === undefined ? right : { ...right, known: { ...known, size } };
    const opened = await this.#openCached(digest, size, () =>
      // The client was told that size.
      this.#openArriving(repository, digest, {
        right: fetched,
        startedAt: clock.monotonic(),
        promised: size,
      }),
    );
    if (opened === undefined) return this.#openArriving(repository, digest, { right: fetched, startedAt });
    metadata.touch([digest]);
    return opened;
  }

  /** The size of a blob that is cached. Its caller holds it. */
  #cachedSize(digest: Digest, known: KnownBlob | undefined): Promise<number | undefined> {
    return this.#deps.blobs.size(digest, known?.sizeFrom === 'upstream' ? undefined : known?.size);
  }

  async #openCached(
    digest: Digest,
    size: number,
    refetch?: () => Promise<BlobAnswer>,
  ): Promise<BlobAnswer | undefined> {
    const { blobs, inUse } = this.#deps;
    const reader = await blobs.open(digest, size);
    if (reader === undefined) return undefined;
    const onDamage = (why: unknown): Promise<void> => blobs.damaged(digest, why);
    return new CachedBlob({ digest, reader, refetch, onDamage, hold: inUse.hold(digest) });
  }

  /** Joins or starts the fill of a blob, and waits until upstream has begun to give it. */
  async #openArriving(
    repository: Repository,
    digest: Digest,
    opening: { readonly right: Right; readonly startedAt: number; readonly promised?: number },
  ): Promise<BlobAnswer> {
    const { blobs, entitlement, fills, inUse, clock, logger, random } = this.#deps;
    const { right, startedAt } = opening;
    if (this.#isOffline(repository) && fills.get(digest) === undefined) throw offlineError();
    const { fill, joined, open, outlook } = this.#join(repository, digest, right);
    const known = right.entitled ? right.known : undefined;
    const blob = new ArrivingBlob({
      fill,
      joined,
      startedAt,
      passthrough: { open, outlook, hint: known?.size, clock, logger, random },
      onDamage: (why) => blobs.damaged(digest, why),
      hold: inUse.hold(digest),
    });
    try {
      const promised = await promisedSize(
        fill,
        known,
        async () => (await entitlement.confirm(repository, digest)).size,
      );
      const size = fill.length.known;
      if (!right.entitled && !fill.candidates.gave(repository)) await entitlement.confirm(repository, digest);
      else if (!right.entitled && size !== undefined) entitlement.state(repository, digest, size);
      blob.begin(opening.promised ?? promised);
      return blob;
    } catch (error) {
      await blob.close();
      throw error;
    }
  }

  #isOffline({ upstream }: Repository): boolean {
    return this.#deps.routing.upstream(upstream).breaker.isOffline;
  }

  /** Joins or starts the fill of a blob. */
  #join(repository: Repository, digest: Digest, { known, entitled }: Right, isAhead = false): Joined {
    const { routing, fills, entitlement } = this.#deps;
    const { registry, breaker, ranges } = routing.upstream(repository.upstream);
    const outlook = (): Outlook => breaker.outlook;
    // Each reader of a blob that cannot be stored fetches it over one connection; only the fill may use more.
    const open: BlobOpener = (range) =>
      breaker.watch(() => registry.openBlob(repository.name, digest, range));
    const request: FillRequest = {
      digest,
      isAhead,
      hint: entitled ? known.size : undefined,
      outlook,
      repository,
      open: ranges.opener(open),
      // Upstream may have refused this repository and given the blob to one that joined.
      onCommitted: async (size) => {
        if (fill.candidates.gave(repository)) await entitlement.grant(repository, digest, size);
      },
    };
    const { fill, joined } = fills.join(request);
    if (!joined) void fill.ended.then(() => entitlement.doubt(repository, digest));
    return { fill, joined, open, outlook };
  }
}

function hit(size: number): BlobStat {
  return { size, result: 'hit', upstreamMs: 0 };
}

function clientErrorOf(error: unknown, digest: Digest): unknown {
  if (error instanceof UpstreamError) {
    return clientError(error, () => registryErrors.blobUnknown(digest, { cause: error }));
  }
  return error instanceof StoreError ? registryErrors.internal({ cause: error }) : error;
}
