import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import type { Scope } from '../../store/evictions.ts';
import type { Leftovers } from './leftovers.ts';
import type { LimitEnforcer } from './limit-enforcer.ts';
import type { Arriving, Reservations } from './reservations.ts';
import type { SpacePolicy } from './space-policy.ts';
import type { StoreHealth } from './store-health.ts';

export interface AdmissionDeps {
  readonly policy: SpacePolicy;
  readonly reservations: Reservations;
  readonly enforcer: Pick<LimitEnforcer, 'makeRoom' | 'grown'>;
  readonly leftovers: Leftovers;
  readonly health: StoreHealth;
  readonly clock: Clock;
}

/** Decides which blobs are stored, and has room made for them. Answers from memory: no pull waits for it. */
export class Admission {
  readonly #deps: AdmissionDeps;

  constructor(deps: AdmissionDeps) {
    this.#deps = deps;
  }

  /**
   * Why a blob of `size` bytes is not to be stored, for people; undefined when it may be. No room is made.
   */
  refusal(repository: Repository, size: number): string | undefined {
    const { health, policy } = this.#deps;
    return health.healthy ? policy.refusal(size, repository) : 'the cache has failed';
  }

  /**
   * Why images cannot be kept together, even with all others evicted, for people; undefined when they can.
   * @param bytesIn what they take in all, or in one scope
   */
  refusalTogether(repository: Repository, bytesIn: (scope?: Scope) => number): string | undefined {
    return this.#deps.policy.refusalTogether(repository, bytesIn);
  }

  /**
   * Reserves room for a blob that is about to arrive; there is one reservation at a time for each digest.
   * @param repository through which it was requested
   */
  reserve(digest: Digest, repository: Repository): Reservation {
    return new Reservation(digest, repository, this.#deps);
  }
}

/** The room of one arriving blob. */
export class Reservation implements Arriving {
  readonly #digest: Digest;
  readonly #repository: Repository;
  readonly #deps: AdmissionDeps;
  #isOpen = true;
  size: number | undefined;
  written = 0;

  constructor(digest: Digest, repository: Repository, deps: AdmissionDeps) {
    this.#digest = digest;
    this.#repository = repository;
    this.#deps = deps;
    deps.reservations.add(digest, this);
  }

  /** Bytes that are here from an earlier run. */
  resume(written: number): void {
    this.written = written;
  }

  /**
   * Notes how much is written, and the size as soon as upstream states it, for which room is then made.
   * Answers as {@link Admission.refusal}.
   */
  wrote(written: number, size: number | undefined): string | undefined {
    const { policy, reservations, enforcer } = this.#deps;
    reservations.written += Math.max(0, written - this.written);
    this.written = written;
    if (size !== undefined && this.size !== undefined) return undefined;
    const refusal = policy.refusal(size ?? written, this.#repository);
    if (refusal !== undefined || size === undefined) return refusal;
    this.size = size;
    void enforcer.makeRoom();
    return undefined;
  }

  /** The blob is in the store. */
  committed(): void {
    this.#close(0);
    void this.#deps.enforcer.grown(this.#repository);
  }

  /**
   * The blob is not stored for now. Changes nothing after {@link committed}.
   * @param keptBytes of a partial blob; undefined: none was touched
   */
  abandoned(keptBytes: number | undefined): void {
    if (this.#isOpen) this.#close(keptBytes);
  }

  #close(keptBytes: number | undefined): void {
    const { reservations, leftovers, clock } = this.#deps;
    this.#isOpen = false;
    reservations.delete(this.#digest);
    if (keptBytes !== undefined) leftovers.left(this.#digest, keptBytes, clock.now());
  }
}
