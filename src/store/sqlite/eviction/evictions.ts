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
  Retention,
  Scope,
  StoreUsage,
  TaggedManifest,
} from '../../evictions.ts';
import type { Connection } from '../connection.ts';
import type { Positions } from '../positions.ts';
import type { LastUsedBatch } from '../last-used.ts';
import { Accounts } from './accounts.ts';
import { Condemned } from './condemned.ts';
import { ManifestGraph } from './manifest-graph.ts';
import { Images } from './images.ts';
import { Repositories } from './repositories.ts';
import { Plan } from './plan.ts';
import { QueueTable } from './queue-table.ts';
import { RemovalOnDemand } from './removal-on-demand.ts';
import { Removal } from './removal.ts';
import { Passes, type PassesParts } from './passes.ts';
import { StoredQueue } from './stored-queue.ts';
import { Tidying } from './tidying.ts';

/** Evictions from the metadata in a SQLite database. */
export class SqliteEvictions implements Evictions {
  readonly #connection: Connection;
  readonly #parts: PassesParts;
  readonly #passes: Passes;
  readonly #onDemand: RemovalOnDemand;
  readonly #condemned: Condemned;
  readonly #accounts: Accounts;
  readonly #tidying: Tidying;

  constructor(connection: Connection, clock: Clock, positions: Positions, uses: LastUsedBatch) {
    const { database } = connection;
    this.#connection = connection;
    this.#condemned = new Condemned(database);
    this.#accounts = new Accounts(database);
    const [table, graph, repositories] = [
      new QueueTable(database),
      new ManifestGraph(database),
      new Repositories(database),
    ];
    const parts = { table, graph, repositories, positions, uses, clock };
    const removal = new Removal(database, {
      repositories,
      images: new Images(graph, new StoredQueue(parts, undefined)),
      accounts: this.#accounts,
      condemned: this.#condemned,
    });
    this.#parts = { ...parts, removal };
    this.#passes = new Passes(this.#parts);
    this.#onDemand = new RemovalOnDemand(this.#parts);
    this.#tidying = new Tidying(database, clock);
  }

  async evict(request: EvictionRequest): Promise<Eviction> {
    try {
      return await this.#connection.write(() => this.#passes.evict(request));
    } catch (error) {
      this.#passes.restart();
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
    retention: Retention,
  ): Promise<Eviction | undefined> {
    return this.#connection.write(() => this.#onDemand.remove(repository, reference, retention));
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
