import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import type { FillRequest } from './fill-request.ts';
import { Fill, type FillDependencies } from './fill.ts';

/** The fills under way: never two of one digest. */
export class Fills {
  readonly #dependencies: Omit<FillDependencies, 'signal'>;
  readonly #underWay = new Map<Digest, Fill>();
  /** Ends a fill that was begun for nobody. */
  readonly #endings = new WeakMap<Fill, AbortController>();
  readonly #closing = new AbortController();

  constructor(dependencies: Omit<FillDependencies, 'signal'>) {
    this.#dependencies = dependencies;
  }

  /** The fill of that digest, unless it has ended, failed or was abandoned already and is only tidying up. */
  get(digest: Digest): Fill | undefined {
    const fill = this.#underWay.get(digest);
    const isOver =
      fill === undefined || fill.isOver || fill.failed || this.#endings.get(fill)?.signal.aborted === true;
    return isOver ? undefined : fill;
  }

  /** Whether a blob of that size, in bytes, would be stored, as far as that can be told now. */
  mayStore(repository: Repository, size: number): boolean {
    return this.#dependencies.admission.refusal(repository, size) === undefined;
  }

  /**
   * The fill of that digest, started now if there is none.
   * @param forNobody whether it may be abandoned: nobody has asked for the blob yet
   */
  join(request: FillRequest, forNobody = false): { readonly fill: Fill; readonly joined: boolean } {
    const { digest } = request;
    const underWay = this.get(digest);
    if (underWay !== undefined) {
      underWay.offer(request);
      return { fill: underWay, joined: true };
    }
    const before = this.#underWay.get(digest)?.ended ?? Promise.resolve();
    const ending = forNobody ? new AbortController() : undefined;
    const closing = this.#closing.signal;
    const signal = ending === undefined ? closing : AbortSignal.any([closing, ending.signal]);
    const fill = new Fill(request, { ...this.#dependencies, signal }, before);
    if (ending !== undefined) this.#endings.set(fill, ending);
    this.#underWay.set(digest, fill);
    void fill.ended.then(() => {
      if (this.#underWay.get(digest) === fill) this.#underWay.delete(digest);
    });
    return { fill, joined: false };
  }

  /** Ends a fill that was begun for nobody, unless somebody reads it by now; what has arrived is kept for the next. */
  abandon(fill: Fill): void {
    if (!fill.isRead && fill.length.verified === undefined && !fill.detached)
      this.#endings.get(fill)?.abort();
  }

  /** Ends all fills, keeping what has arrived for the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#underWay.values()].map(({ ended }) => ended));
  }
}
