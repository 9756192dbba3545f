import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../../base/clock.ts';
import type { Digest } from '../../../oci/digest.ts';
import type { ManifestReference, Repository } from '../../../oci/reference.ts';
import type {
  EvictedBlob,
  EvictedImage,
  Eviction,
  EvictionRequest,
  Evictions,
  Keeper,
  Scope,
  StoreUsage,
  TaggedManifest,
} from '../../evictions.ts';
import type { Connection } from '../connection.ts';
import type { Positions } from '../positions.ts';
import type { UsageBatch } from '../usage.ts';
import { Accounts } from './accounts.ts';
import { Condemned } from './condemned.ts';
import { Families } from './families.ts';
import { Images } from './images.ts';
import { Places } from './places.ts';
import { Plan } from './plan.ts';
import { QueueTable } from './queue-table.ts';
import { RemovalOnDemand } from './removal-on-demand.ts';
import { Removal } from './removal.ts';
import { Rounds, type RoundsParts } from './rounds.ts';
import { StoredQueue } from './stored-queue.ts';
import { Tidying } from './tidying.ts';

/** Evictions from the metadata in a SQLite database. */
export class SqliteEvictions implements Evictions {
  readonly #connection: Connection;
  readonly #parts: RoundsParts;
  readonly #rounds: Rounds;
  readonly #onDemand: RemovalOnDemand;
  readonly #condemned: Condemned;
  readonly #accounts: Accounts;
  readonly #tidying: Tidying;

  constructor(connection: Connection, clock: Clock, positions: Positions, uses: UsageBatch) {
    const { database } = connection;
    this.#connection = connection;
    this.#condemned = new Condemned(database);
    this.#accounts = new Accounts(database);
    const [table, families, places] = [
      new QueueTable(database),
      new Families(database),
      new Places(database),
    ];
    const parts = { table, families, places, positions, uses, clock };
    const removal = new Removal(database, {
      places,
      images: new Images(families, new StoredQueue(parts, undefined)),
      accounts: this.#accounts,
      condemned: this.#condemned,
    });
    this.#parts = { ...parts, removal };
    this.#rounds = new Rounds(this.#parts);
    this.#onDemand = new RemovalOnDemand(this.#parts);
    this.#tidying = new Tidying(database, clock);
  }

  async evict(request: EvictionRequest): Promise<Eviction> {
    try {
      return await this.#connection.write(() => this.#rounds.evict(request));
    } catch (error) {
      this.#rounds.restart();
      throw error;
    }
  }

  async *plan(request: Omit<EvictionRequest, 'bytes'>): AsyncIterable<EvictedImage | EvictedBlob> {
    const plan = await this.#connection.answer(() => new Plan(this.#parts, request));
    for (;;) {
      const found = await this.#connection.answer(() => plan.next());
      if (found === undefined) return;
      yield* found;
      await turn();
    }
  }

  remove(
    repository: Repository,
    reference: ManifestReference,
    keeper: Keeper,
  ): Promise<Eviction | undefined> {
    return this.#connection.write(() => this.#onDemand.remove(repository, reference, keeper));
  }

  affected(repository: Repository, reference: ManifestReference): Promise<readonly TaggedManifest[]> {
    return this.#connection.answer(() => this.#onDemand.affected(repository, reference));
  }

  condemned(limit: number): Promise<readonly Digest[]> {
    return this.#connection.answer(() => this.#condemned.first(limit));
  }

  isCondemned(digest: Digest): Promise<boolean> {
    return this.#connection.answer(() => this.#condemned.has(digest));
  }

  forgetCondemned(digest: Digest): Promise<void> {
    // What a loss of power undoes of this is found again, and to have no bytes.
    return this.#connection.answer(() =>
      this.#connection.transactLazily(() => this.#condemned.forget(digest)),
    );
  }

  tidy(before: number): Promise<boolean> {
    return this.#connection.write(() => this.#tidying.run(before));
  }

  usage(): Promise<StoreUsage> {
    return this.#connection.answer(() => this.#accounts.usage());
  }

  usageOf(scope: Scope): Promise<number> {
    return this.#connection.answer(() => this.#accounts.bytes(scope));
  }
}
