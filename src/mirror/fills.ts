import type { Digest } from '../oci/digest.ts';
import { Fill, type FillDependencies, type FillRequest } from './fill.ts';

/** The fills under way: never two of one digest. */
export class Fills {
  readonly #dependencies: Omit<FillDependencies, 'signal'>;
  readonly #underWay = new Map<Digest, Fill>();
  readonly #closing = new AbortController();

  constructor(dependencies: Omit<FillDependencies, 'signal'>) {
    this.#dependencies = dependencies;
  }

  /** The fill of that digest, unless it has failed already and is only tidying up. */
  get(digest: Digest): Fill | undefined {
    const fill = this.#underWay.get(digest);
    return fill?.failed === true ? undefined : fill;
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
    const fill = new Fill(request, { ...this.#dependencies, signal: this.#closing.signal }, before);
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
