import type { Clock } from '../../base/clock.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { PullAheadCounter } from '../pull-ahead-counter.ts';
import type { Space } from '../space/compose.ts';
import type { Quota, SpaceLimits } from '../space/limits.ts';
import { BlobChecker } from './blob-checker.ts';
import type { Caretaker } from './caretaker.ts';
import { ImageNames, type RepositoryNames } from './image-names.ts';
import type { AdoptingStore } from './import/blob-import.ts';
import { RegistryImport } from './import/registry-import.ts';
import { LocalCaretaker } from './local-caretaker.ts';
import { Scrubber } from './scrubber.ts';
import { statsReader, type ServerState } from './stats-reader.ts';
import { verify } from './verify.ts';

export interface CareDeps {
  readonly names: RepositoryNames;
  readonly content: ContentStore;
  /** The same store, for imports. */
  readonly adopting: AdoptingStore;
  readonly metadata: MetadataStore;
  readonly space: Space;
  readonly pullAheadCounter: PullAheadCounter;
  readonly limits: SpaceLimits;
  readonly quotas: readonly Quota[];
  /** The period in which every blob is verified once; 0: never. */
  readonly scrubMs: number;
  /** Undefined for a command, whose uptime and counters are of no interest. */
  readonly server: ServerState | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Care {
  readonly caretaker: Caretaker;
  /** To be started and disposed of by the server. */
  readonly scrubber: Scrubber;
}

/** To be called once: the data has one owner. */
export function composeCare(deps: CareDeps): Care {
  const { adopting, metadata, names, space, limits, scrubMs } = deps;
  const { evictions, inventory, audit } = metadata;
  const parts = { ...deps, ...space, evictions, inventory, audit, names: new ImageNames(names) };
  const blobs = new BlobChecker(parts);
  const scrubber = new Scrubber({ ...parts, blobs, periodMs: scrubMs });
  const imports = new RegistryImport({
    ...parts,
    ...limits,
    content: adopting,
    upstreams: names.upstreams.map(({ name }) => name),
    plain: names.plain?.name,
  });
  const caretaker = new LocalCaretaker({
    ...parts,
    stats: statsReader({ ...parts, scrubber }),
    verify: (options) => verify({ ...parts, blobs }, options),
    importRegistry: (options) => imports.run(options),
  });
  return { caretaker, scrubber };
}
