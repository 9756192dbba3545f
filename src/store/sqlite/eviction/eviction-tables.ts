import type Database from 'better-sqlite3';
import type { Clock } from '../../../base/clock.ts';
import type { LastUsedBatch } from '../last-used.ts';
import type { Positions } from '../positions.ts';
import type { EvictionDeps } from './deps.ts';
import { Accounts } from './accounts.ts';
import { condemnedStatements, type Condemned } from './condemned.ts';
import { ManifestGraph } from './manifest-graph.ts';
import { Passes } from './passes.ts';
import { queueTable } from './queue-table.ts';
import { RemovalOnDemand } from './removal-on-demand.ts';
import { Removal } from './removal.ts';
import { Repositories } from './repositories.ts';
import { Tidying } from './tidying.ts';

/** All that evictions need of one open database. */
export class EvictionTables {
  readonly deps: EvictionDeps;
  readonly passes: Passes;
  readonly onDemand: RemovalOnDemand;
  readonly condemned: Condemned;
  readonly accounts: Accounts;
  readonly tidying: Tidying;

  constructor(database: Database.Database, clock: Clock, positions: Positions, uses: LastUsedBatch) {
    const table = queueTable(database);
    const graph = new ManifestGraph(database);
    const repositories = new Repositories(database);
    this.deps = { table, graph, repositories, positions, uses, clock };
    this.condemned = condemnedStatements(database);
    this.accounts = new Accounts(database);
    const removal = new Removal(database, this.deps, this.accounts, this.condemned);
    this.passes = new Passes(this.deps, removal);
    this.onDemand = new RemovalOnDemand(this.deps, removal);
    this.tidying = new Tidying(database, clock);
  }
}
