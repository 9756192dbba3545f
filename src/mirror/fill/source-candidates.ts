import { repositoryKey, type Repository } from '../../oci/reference.ts';
import { isConclusive } from '../../upstream/failure-policy.ts';
import { UpstreamError, type BlobRange, type BlobStream, type BlobOpener } from '../../upstream/registry.ts';

/** The repositories through which a blob can be fetched: when upstream refuses one, the next is tried. */
export class SourceCandidates {
  readonly #candidates = new Map<string, BlobOpener>();
  readonly #given = new Set<string>();

  /** @param via the repository through which the blob is asked for */
  offer(via: Repository, open: BlobOpener): void {
    const key = repositoryKey(via);
    if (!this.#candidates.has(key)) this.#candidates.set(key, open);
  }

  /** Whether the blob may still come by that repository. */
  has(via: Repository): boolean {
    return this.#candidates.has(repositoryKey(via));
  }

  /** Whether upstream has given the blob, or a part of it, for that repository. */
  gave(via: Repository): boolean {
    return this.#given.has(repositoryKey(via));
  }

  /**
   * Opens the blob, from `offset` on, by the first candidate that upstream does not refuse. A refusal of what
   * is not the beginning may be one of ranges, so the way stays open. Rejects with UpstreamError.
   */
  async open(range: BlobRange, expectedSize?: number): Promise<BlobStream> {
    let refusal: UpstreamError | undefined;
    for (const [via, open] of this.#candidates) {
      try {
        const stream = await open(range, expectedSize);
        this.#given.add(via);
        return stream;
      } catch (error) {
        if (!isConclusive(error)) throw error;
        refusal ??= error;
        if (range.offset === 0 && this.#candidates.size > 1) this.#candidates.delete(via);
      }
    }
    throw refusal ?? new UpstreamError('not-found', 'no repository has the blob');
  }
}
