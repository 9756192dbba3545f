import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import { Fill, type FillDeps, type FillRequest } from './fill.ts';

/** The fills under way: never two of one digest. */
export class Fills {
  readonly #deps: FillDeps;
  readonly #underWay = new Map<Digest, Fill>();
  readonly #closing = new AbortController();

  constructor(deps: Omit<FillDeps, 'signal'>) {
    this.#deps = { ...deps, signal: this.#closing.signal };
  }

  /** The fill of that digest, unless it is only tidying up. */
  get(digest: Digest): Fill | undefined {
    const fill = this.#underWay.get(digest);
    return fill?.isOver === false ? fill : undefined;
  }

  /** Whether a blob of that size, in bytes, would be stored, as far as that can be told now. */
  mayStore(repository: Repository, size: number): boolean {
    return this.#deps.admission.refusal(repository, size) === undefined;
  }

  /** The fill of that digest, started now if there is none. */
  join(request: FillRequest): { readonly fill: Fill; readonly joined: boolean } {
    const { digest } = request;
    const underWay = this.get(digest);
    if (underWay !== undefined) {
      underWay.offer(request);
      return { fill: underWay, joined: true };
    }
    const before = this.#underWay.get(digest)?.ended ?? Promise.resolve();
    const fill = new Fill(request, this.#deps, before);
    this.#underWay.set(digest, fill);
    void fill.ended.then(() => {
      if (this.#underWay.get(digest) === fill) this.#underWay.delete(digest);
    });
    return { fill, joined: false };
  }

  /** Ends all fills, keeping what has arrived for the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#underWay.values()].map(({ ended }) => ended));
  }
}
