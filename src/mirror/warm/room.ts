import { byteSizeText } from '../../base/byte-size.ts';
import type { Admission } from '../../cache/space/admission.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import type { Scope } from '../../store/evictions.ts';

/** Blobs by digest, with their sizes in bytes. */
type Blobs = ReadonlyMap<Digest, number>;

/** Blobs of images, each counted once. */
class BlobSet {
  readonly #sizes = new Map<Digest, number>();
  #bytes = 0;

  /** What they take together with others. */
  bytesWith(blobs: Blobs): number {
    return [...blobs].reduce(
      (sum, [digest, size]) => sum + (this.#sizes.has(digest) ? 0 : size),
      this.#bytes,
    );
  }

  add(blobs: Blobs): void {
    this.#bytes = this.bytesWith(blobs);
    for (const [digest, size] of blobs) this.#sizes.set(digest, size);
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
   * Counts an image among those that are to be kept. Returns why it cannot be, together with those before it, for
   * people; undefined when it can.
   */
  take(repository: Repository, blobs: Blobs): string | undefined {
    const { upstream, name } = repository;
    const bytesIn = (scope?: Scope): number => (scope ? this.#in(scope) : this.#all).bytesWith(blobs);
    const refusal = this.#admission.refusalTogether(repository, bytesIn);
    if (refusal !== undefined) return `${refusal}: ${byteSizeText(bytesIn())} in all, with those before it`;
    for (const set of [this.#all, this.#in({ upstream }), this.#in({ upstream, name })]) set.add(blobs);
    return undefined;
  }

  #in({ upstream, name }: Scope): BlobSet {
    const key = `${upstream} ${name ?? ''}`;
    const set = this.#byScope.get(key) ?? new BlobSet();
    this.#byScope.set(key, set);
    return set;
  }
}
