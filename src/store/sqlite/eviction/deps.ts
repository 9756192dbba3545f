import type { Clock } from '../../../base/clock.ts';
import type { LastUsedBatch } from '../last-used.ts';
import type { Positions } from '../positions.ts';
import type { ManifestGraph } from './manifest-graph.ts';
import type { QueueTable } from './queue-table.ts';
import type { Repositories } from './repositories.ts';

/** What all steps of an eviction work with, on one open database. */
export interface EvictionDeps {
  readonly table: QueueTable;
  readonly graph: ManifestGraph;
  readonly repositories: Repositories;
  readonly positions: Positions;
  readonly uses: LastUsedBatch;
  readonly clock: Clock;
}
