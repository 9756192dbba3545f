import type { Clock } from '../../base/clock.ts';
import { Limiter } from '../../base/limiter.ts';
import type { InUse } from '../../cache/in-use.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import type { Arrival } from '../blobs/arrival.ts';
import type { BlobService } from '../blobs/blob-service.ts';
import type { Entitlement } from '../blobs/entitlement.ts';
import { NotStored } from '../fill/fill-failure.ts';

/** Blobs at a time, of all images together. */
const atATime = 6;

export interface BlobFetchesDeps {
  readonly blobs: Pick<BlobService, 'fetchAhead' | 'statCached'>;
  readonly entitlement: Pick<Entitlement, 'of' | 'confirm' | 'grant'>;
  readonly inUse: InUse;
  /** Whether there are readers who may not read all that is cached. */
  readonly guarded: boolean;
  readonly clock: Clock;
}

/** What became of a blob. */
export type BlobOutcome =
  /** `fetched`: bytes that came for this command; the others were here before. */
  | { readonly isCached: true; readonly size: number; readonly fetched: number }
  | { readonly isCached: false; readonly fetched: number; readonly failure: unknown };

/** A blob on its way. */
interface Coming {
  readonly arrival: Arrival;
  /** In bytes, as a manifest states it. */
  readonly size: number;
  readonly retained: Disposable;
}

/** The blobs that one command fetches: each once, however many images have it. */
export class BlobFetches implements Disposable {
  readonly #deps: BlobFetchesDeps;
  readonly #limiter = new Limiter(atATime);
  readonly #fetches = new Map<Digest, Promise<BlobOutcome>>();
  readonly #underWay = new Map<Digest, Coming>();
  readonly #holds = new Map<Digest, Disposable>();
  #cancelled = false;

  constructor(deps: BlobFetchesDeps) {
    this.#deps = deps;
  }

  /** Bytes of a blob that is on its way, as far as they are here; undefined for any other. */
  arrived(digest: Digest): number | undefined {
    const coming = this.#underWay.get(digest);
    return coming && Math.max(0, coming.size - coming.arrival.left);
  }

  /** The size of a blob that is cached. From now on it is not evicted until this is disposed of. */
  async held(repository: Repository, digest: Digest): Promise<number | undefined> {
    if (!this.#holds.has(digest)) this.#holds.set(digest, this.#deps.inUse.hold(digest));
    return (await this.#deps.blobs.statCached(repository, digest, 'suffices'))?.size;
  }

  /** @param size in bytes, as a manifest states it */
  async fetch(repository: Repository, digest: Digest, size: number): Promise<BlobOutcome> {
    const before = this.#fetches.get(digest);
    // What one repository was refused, another may have.
    if (before !== undefined && (await before).isCached) return this.#fetch(repository, digest, size);
    const fetching = this.#limiter.run(() => this.#fetch(repository, digest, size));
    this.#fetches.set(digest, fetching);
    return fetching;
  }

  /** Ends what comes for this command alone; what has come stays. */
  [Symbol.dispose](): void {
    this.#cancelled = true;
    for (const { arrival, retained } of this.#underWay.values()) {
      retained[Symbol.dispose]();
      arrival.abandon();
    }
    for (const hold of this.#holds.values()) hold[Symbol.dispose]();
  }

  async #fetch(repository: Repository, digest: Digest, size: number): Promise<BlobOutcome> {
    if (this.#cancelled) return { isCached: false, fetched: 0, failure: new NotStored('it was interrupted') };
    const arrival = await this.#deps.blobs.fetchAhead(repository, digest, 'suffices');
    if (arrival instanceof NotStored) return { isCached: false, fetched: 0, failure: arrival };
    let fetched = 0;
    if (arrival !== 'cached') {
      const before = arrival.received;
      using retained = arrival.retain();
      this.#underWay.set(digest, { arrival, size, retained });
      const isCached = await arrival.cached;
      this.#underWay.delete(digest);
      fetched = arrival.received - before;
      if (!isCached) return { isCached, fetched, failure: arrival.failure };
    }
    return this.#granted(repository, digest, { size, fetched });
  }

  /**
   * A blob that is cached, now also for readers to whom a manifest proves nothing: without upstream, such a right
   * could not be had any more.
   */
  async #granted(
    repository: Repository,
    digest: Digest,
    { size, fetched }: { readonly size: number; readonly fetched: number },
  ): Promise<BlobOutcome> {
    const { entitlement, blobs, guarded } = this.#deps;
    const cached = (await blobs.statCached(repository, digest, 'suffices'))?.size ?? size;
    if (guarded && !(await entitlement.of(repository, digest, 'needs-proof')).entitled) {
      try {
        await entitlement.confirm(repository, digest);
        await entitlement.grant(repository, digest, cached);
      } catch (failure) {
        return { isCached: false, fetched, failure };
      }
    }
    return { isCached: true, size: cached, fetched };
  }
}
