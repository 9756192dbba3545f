import type Database from 'better-sqlite3';
import type { Clock } from '../../../base/clock.ts';
import type { LastUsedBatch } from '../last-used.ts';
import type { Positions } from '../positions.ts';
import { Accounts } from './accounts.ts';
import { Condemned } from './condemned.ts';
import { Images } from './images.ts';
import { ManifestGraph } from './manifest-graph.ts';
import { Passes, type PassesParts } from './passes.ts';
import { QueueTable } from './queue-table.ts';
import { RemovalOnDemand } from './removal-on-demand.ts';
import { Removal } from './removal.ts';
import { Repositories } from './repositories.ts';
import { StoredQueue } from './stored-queue.ts';
import { Tidying } from './tidying.ts';

/** All that evictions need of one open database. */
export class EvictionTables {
  readonly parts: PassesParts;
  readonly passes: Passes;
  readonly onDemand: RemovalOnDemand;
  readonly condemned: Condemned;
  readonly accounts: Accounts;
  readonly tidying: Tidying;

  constructor(database: Database.Database, clock: Clock, positions: Positions, uses: LastUsedBatch) {
    this.condemned = new Condemned(database);
    this.accounts = new Accounts(database);
    const [table, graph, repositories] = [
      new QueueTable(database),
      new ManifestGraph(database),
      new Repositories(database),
    ];
    const parts = { table, graph, repositories, positions, uses, clock };
    const removal = new Removal(database, {
      repositories,
      images: new Images(graph, new StoredQueue(parts, undefined)),
      accounts: this.accounts,
      condemned: this.condemned,
    });
    this.parts = { ...parts, removal };
    this.passes = new Passes(this.parts);
    this.onDemand = new RemovalOnDemand(this.parts);
    this.tidying = new Tidying(database, clock);
  }
}
