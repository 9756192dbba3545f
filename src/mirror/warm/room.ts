import type { Admission } from '../../cache/space/admission.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import type { Scope } from '../../store/evictions.ts';

/** Blobs, each counted once. */
class BlobSet {
  readonly #sizes = new Map<Digest, number>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(blobs: ReadonlyMap<Digest, number>): void {
    for (const [digest, size] of blobs) {
      if (this.#sizes.has(digest)) continue;
      this.#sizes.set(digest, size);
      this.#bytes += size;
    }
  }
}

/** Whether the cache's limits let all images be kept that one command asks for. */
export class Room {
  readonly #admission: Pick<Admission, 'refusalTogether'>;
  readonly #all = new BlobSet();
  readonly #byScope = new Map<string, BlobSet>();

  constructor(admission: Pick<Admission, 'refusalTogether'>) {
    this.#admission = admission;
  }

  /**
   * Counts an image's blobs, by digest with their sizes in bytes. Returns why it cannot be kept together with
   * those before it, for people; undefined when it can.
   */
  take(repository: Repository, blobs: ReadonlyMap<Digest, number>): string | undefined {
    const { upstream, name } = repository;
    for (const set of [this.#all, this.#in({ upstream }), this.#in({ upstream, name })]) set.add(blobs);
    return this.#admission.refusalTogether(
      repository,
      (scope) => (scope ? this.#in(scope) : this.#all).bytes,
    );
  }

  #in({ upstream, name }: Scope): BlobSet {
    const key = `${upstream} ${name ?? ''}`;
    const set = this.#byScope.get(key) ?? new BlobSet();
    this.#byScope.set(key, set);
    return set;
  }
}
