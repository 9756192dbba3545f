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

  get(digest: Digest): Fill | undefined {
    return this.#underWay.get(digest);
  }

  /** The fill of that digest, started now if there is none. */
  join(request: FillRequest): { readonly fill: Fill; readonly joined: boolean } {
    const underWay = this.#underWay.get(request.digest);
    if (underWay !== undefined) return { fill: underWay, joined: true };
    const fill = new Fill(request, { ...this.#dependencies, signal: this.#closing.signal });
    this.#underWay.set(request.digest, fill);
    void fill.ended.then(() => this.#underWay.delete(request.digest));
    return { fill, joined: false };
  }

  /** Ends all fills, keeping what has arrived for the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#underWay.values()].map(({ ended }) => ended));
  }
}
