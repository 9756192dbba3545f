import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import type { Connectivity } from '../../upstream/connectivity.ts';
import { Fill, type FillDeps, type FillRequest } from './fill.ts';

export interface FillsDeps extends Omit<FillDeps, 'signal'> {
  readonly connectivity: Pick<Connectivity, 'onOffline' | 'online'>;
  /** Told of each fill that ended because the mirror went offline, once it is online again. */
  readonly onInterrupted: (request: FillRequest) => void;
}

/** The fills under way: never two of one digest. */
export class Fills {
  readonly #deps: FillsDeps & FillDeps;
  readonly #underWay = new Map<Digest, Fill>();
  /** Those that were under way when the mirror went offline. */
  readonly #cutOff = new WeakSet<Fill>();
  readonly #closing = new AbortController();
  readonly #ignoreSwitch: () => void;

  constructor(deps: FillsDeps) {
    this.#deps = { ...deps, signal: this.#closing.signal };
    this.#ignoreSwitch = deps.connectivity.onOffline(() => {
      for (const fill of this.#underWay.values()) if (!fill.isOver) this.#cutOff.add(fill);
    });
  }

  /** The fill of that digest, unless it is only tidying up. */
  get(digest: Digest): Fill | undefined {
    const fill = this.#underWay.get(digest);
    return fill?.isOver === false ? fill : undefined;
  }

  /** Why a blob of that size, in bytes, would not be stored, as far as that can be told now; else undefined. */
  refusal(repository: Repository, size: number): string | undefined {
    return this.#deps.admission.refusal(repository, size);
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
      if (fill.wasGivenUp && this.#cutOff.has(fill)) void this.#resume(request);
    });
    return { fill, joined: false };
  }

  /** Ends all fills, keeping what has arrived for the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#ignoreSwitch();
    await Promise.all([...this.#underWay.values()].map(({ ended }) => ended));
  }

  async #resume(request: FillRequest): Promise<void> {
    const { connectivity, onInterrupted } = this.#deps;
    await connectivity.online();
    if (!this.#closing.signal.aborted) onInterrupted(request);
  }
}
