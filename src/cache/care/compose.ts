import type { Clock } from '../../base/clock.ts';
import type { ContentStore } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { InUse } from '../in-use.ts';
import type { PullAheadCounter } from '../pull-ahead-counter.ts';
import type { Evictor } from '../space/evictor.ts';
import type { Quota, SpaceLimits } from '../space/limits.ts';
import type { Pins } from '../space/pins.ts';
import type { Remover } from '../space/remover.ts';
import type { StoreHealth } from '../space/store-health.ts';
import { CareError } from './care-error.ts';
import type { Caretaker } from './caretaker.ts';
import { BlobChecker } from './blob-checker.ts';
import { ImageNames, type RepositoryNames } from './image-names.ts';
import type { AdoptingStore } from './import/blob-import.ts';
import { RegistryImport } from './import/registry-import.ts';
import { LocalCaretaker } from './local-caretaker.ts';
import { Scrubber } from './scrubber.ts';
import { statsReader } from './stats-reader.ts';
import { verify } from './verify.ts';

export interface CareParts {
  /** Of all upstreams that are mirrored; their clients are not needed. */
  readonly names: RepositoryNames;
  readonly content: ContentStore;
  /** The same store, where it can take over files; undefined: there are no imports. */
  readonly adopting: AdoptingStore | undefined;
  readonly metadata: MetadataStore;
  readonly evictor: Evictor;
  readonly remover: Remover;
  readonly pins: Pins;
  readonly inUse: InUse;
  readonly health: StoreHealth;
  readonly pullAheadCounter: PullAheadCounter;
  readonly limits: SpaceLimits;
  readonly quotas: readonly Quota[];
  /** In which every blob is verified once; 0: never. */
  readonly scrubMs: number;
  /** Whether this is the server, whose time and counters are of interest. */
  readonly serves: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Care {
  readonly caretaker: Caretaker;
  /** To be started and stopped by whoever serves. */
  readonly scrubber: Scrubber;
}

/** Builds what looks after a cache. The only place that may: there is one owner of the data. */
export function composeCare(parts: CareParts): Care {
  const { content, adopting, metadata, evictor, remover, pins, inUse, health, limits, clock, logger } = parts;
  const { inventory, evictions, audit } = metadata;
  const names = new ImageNames(parts.names);
  const blobs = new BlobChecker({ content, metadata, audit, names });
  const scrubber = new Scrubber({
    blobs,
    inventory,
    evictions,
    audit,
    health,
    clock,
    logger,
    periodMs: parts.scrubMs,
  });
  const imports =
    adopting &&
    new RegistryImport({
      content: adopting,
      metadata,
      inUse,
      upstreams: parts.names.upstreams.map(({ name }) => name),
      plain: parts.names.plain?.name,
      ...limits,
      quotas: parts.quotas,
      clock,
    });
  const caretaker = new LocalCaretaker({
    metadata,
    names,
    evictor,
    pins,
    stats: statsReader({ ...parts, scrubber }),
    verify: (options) => verify({ content, metadata, evictor, remover, blobs, names, inUse, clock }, options),
    importRegistry: (options) => {
      if (imports === undefined) throw new CareError('unavailable', 'this store takes over no files');
      return imports.run(options);
    },
    clock,
  });
  return { caretaker, scrubber };
}
