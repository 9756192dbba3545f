import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import type { Arrival } from '../blobs/arrival.ts';
import { NotStored } from '../fill/fill-failure.ts';
import type { BlobService } from '../blobs/blob-service.ts';
import type { Routing } from '../../oci/routing.ts';
import { Limiter } from '../../base/limiter.ts';
import type { Upstream } from '../upstream.ts';
import type { PullAheadCounter } from '../../cache/pull-ahead-counter.ts';
import { BlobLimiter } from './blob-limiter.ts';
import type { PulledImage } from './pulled-image.ts';
import type { Speculation } from './speculation.ts';

/** Blobs at a time, of all images together: each that arrives has its buffers. */
const atATime = 16;

export interface ImageFetcherDeps {
  readonly routing: Routing<Pick<Upstream, 'name' | 'pullAhead'>>;
  readonly blobs: Pick<BlobService, 'fetchAhead'>;
  readonly counter: PullAheadCounter;
  /** Whether anything may be begun now. */
  readonly goesOn: (repository: Repository) => boolean;
}

/** Fetches blobs of images, some at a time, for as long as they may come. */
export class ImageFetcher {
  readonly #deps: ImageFetcherDeps;
  readonly #limiter = new Limiter(atATime);

  constructor(deps: ImageFetcherDeps) {
    this.#deps = deps;
  }

  /** Resolves to whether all these blobs of an image are cached now. */
  async fetch(image: PulledImage, blobs: readonly Digest[]): Promise<boolean> {
    const { parallel } = this.#deps.routing.upstream(image.repository.upstream).pullAhead;
    const { speculation } = image;
    const limiter = new BlobLimiter(parallel, () => {
      speculation.look();
    });
    const fetching: Promise<boolean>[] = [];
    for (const blob of blobs) {
      await limiter.room();
      if (speculation.isStopped) break;
      const isCached = limiter.run((begun) => this.#blob(image, blob, begun));
      // It is awaited below; until then it must not count as unhandled.
      isCached.catch(() => undefined);
      fetching.push(isCached);
    }
    const isCached = (await Promise.all(fetching)).every(Boolean);
    return isCached && fetching.length === blobs.length;
  }

  /** Resolves to whether the blob is cached; false where upstream is better left alone. */
  async #blob(image: PulledImage, blob: Digest, begun: (arrival: Arrival) => void): Promise<boolean> {
    const { blobs, counter, goesOn } = this.#deps;
    const { repository, evidence, speculation } = image;
    const { cached } = await this.#limiter.run(async (): Promise<{ cached: boolean | Promise<boolean> }> => {
      if (speculation.isStopped || !goesOn(repository)) return { cached: false };
      const arrival = await blobs.fetchAhead(repository, blob, evidence);
      if (arrival === 'cached') return { cached: true };
      if (arrival instanceof NotStored) return { cached: false };
      speculation.follow(arrival);
      begun(arrival);
      // A blob that comes for a client anyway takes up no room here.
      if (arrival.joined) return { cached: whole(arrival, speculation) };
      counter.begun(blob);
      const isCached = await arrival.cached;
      counter.came(blob, arrival.received);
      return { cached: isCached };
    });
    return cached;
  }
}

/** Whether a blob that was on its way before gets cached. If not, its image waits for a client, too. */
async function whole({ cached }: Arrival, speculation: Speculation): Promise<boolean> {
  const isCached = await cached;
  if (!isCached) speculation.stop();
  return isCached;
}
