import { repositoryKey, type Repository } from '../oci/reference.ts';
import { UpstreamError, type BlobStream } from '../upstream/registry.ts';
import { isVerdict, type BlobOpener } from './resumable-blob.ts';

/** The repositories through which a blob can be fetched: when upstream refuses one, the next is tried. */
export class Ways {
  readonly #ways = new Map<string, BlobOpener>();
  readonly #given = new Set<string>();

  /** @param via the repository through which the blob is asked for */
  offer(via: Repository, open: BlobOpener): void {
    const key = repositoryKey(via);
    if (!this.#ways.has(key)) this.#ways.set(key, open);
  }

  /** Whether the blob may still come by that repository. */
  has(via: Repository): boolean {
    return this.#ways.has(repositoryKey(via));
  }

  /** Whether upstream has given the blob, or a part of it, for that repository. */
  gave(via: Repository): boolean {
    return this.#given.has(repositoryKey(via));
  }

  /** Opens the blob by the first way that upstream does not refuse. Rejects with UpstreamError. */
  async open(...request: Parameters<BlobOpener>): Promise<BlobStream> {
    for (const [via, open] of this.#ways) {
      try {
        const stream = await open(...request);
        this.#given.add(via);
        return stream;
      } catch (error) {
        const refused = error instanceof UpstreamError && isVerdict(error);
        if (!refused || this.#ways.size === 1) throw error;
        this.#ways.delete(via);
      }
    }
    throw new UpstreamError('not-found', 'no repository has the blob');
  }
}
