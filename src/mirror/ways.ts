import { UpstreamError, type BlobStream } from '../upstream/registry.ts';
import { isVerdict, type BlobOpener } from './resumable-blob.ts';

/** The repositories through which a blob can be fetched: when upstream refuses one, the next is tried. */
export class Ways {
  readonly #ways = new Map<string, BlobOpener>();

  /** @param via the repository through which the blob is asked for */
  offer(via: string, open: BlobOpener): void {
    if (!this.#ways.has(via)) this.#ways.set(via, open);
  }

  /** Opens the blob by the first way that upstream does not refuse. Rejects with UpstreamError. */
  async open(offset: number, signal: AbortSignal): Promise<BlobStream> {
    for (const [via, open] of this.#ways) {
      try {
        return await open(offset, signal);
      } catch (error) {
        const refused = error instanceof UpstreamError && isVerdict(error);
        if (!refused || this.#ways.size === 1) throw error;
        this.#ways.delete(via);
      }
    }
    throw new UpstreamError('not-found', 'no repository has the blob');
  }
}
