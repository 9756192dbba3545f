import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import type { Leftovers } from './leftovers.ts';
import type { Reservations } from './reservations.ts';
import type { LimitEnforcer } from './limit-enforcer.ts';
import type { SpacePolicy } from './space-policy.ts';
import type { StoreHealth } from './store-health.ts';

export interface AdmissionOptions {
  readonly policy: SpacePolicy;
  readonly reservations: Reservations;
  readonly enforcer: Pick<LimitEnforcer, 'makeRoom' | 'grown'>;
  readonly leftovers: Leftovers;
  readonly health: StoreHealth;
  readonly clock: Clock;
}

/** Says which blobs are stored, and has room made for them. Answers at once, from what is known: no pull waits for it. */
export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Why a blob of so many bytes is not to be stored, for people; undefined when it may be. No room is made. */
  refusal(repository: Repository, size: number): string | undefined {
    const { health, policy } = this.#options;
    return health.healthy ? policy.refusal(size, repository) : 'the cache has failed';
  }

  /**
   * Takes room for a blob that is about to arrive; there is one at a time of each digest.
   * @param repository through which it was asked for
   */
  reserve(digest: Digest, repository: Repository): Reservation {
    this.#options.reservations.open(digest);
    return new Reservation(digest, repository, this.#options);
  }
}

/** The room that one arriving blob takes. */
export class Reservation {
  readonly #digest: Digest;
  readonly #repository: Repository;
  readonly #shared: AdmissionOptions;
  #size: number | undefined;

  constructor(digest: Digest, repository: Repository, shared: AdmissionOptions) {
    this.#digest = digest;
    this.#repository = repository;
    this.#shared = shared;
  }

  /** Bytes that are here from an earlier run. */
  resume(written: number): void {
    this.#shared.reservations.resume(this.#digest, written);
  }

  /**
   * Tells that so many bytes are written, and the size as soon as upstream states it, for which room is made then.
   * Answers as {@link Admission.refusal}.
   */
  wrote(written: number, size: number | undefined): string | undefined {
    this.#shared.reservations.wrote(this.#digest, written);
    if (size !== undefined && this.#size !== undefined) return undefined;
    return this.#expect(size ?? written, size);
  }

  /** The blob is in the store. */
  committed(): void {
    this.#shared.reservations.close(this.#digest);
    this.#shared.leftovers.left(this.#digest, 0, 0);
    void this.#shared.enforcer.grown(this.#repository);
  }

  /**
   * The blob is not to be in the store for now. Changes nothing after {@link committed}.
   * @param keptBytes of a partial blob; undefined: none was touched
   */
  abandoned(keptBytes: number | undefined): void {
    const { reservations, leftovers, clock } = this.#shared;
    if (!reservations.has(this.#digest)) return;
    reservations.close(this.#digest);
    if (keptBytes !== undefined) leftovers.left(this.#digest, keptBytes, clock.now());
  }

  #expect(bytes: number, size: number | undefined): string | undefined {
    const { policy, reservations, enforcer } = this.#shared;
    const refusal = policy.refusal(bytes, this.#repository);
    if (refusal !== undefined || size === undefined) return refusal;
    this.#size = size;
    reservations.expect(this.#digest, size);
    void enforcer.makeRoom();
    return undefined;
  }
}
