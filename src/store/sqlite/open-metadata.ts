import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { ContentStore } from '../content-store.ts';
import type { MetadataStore } from '../metadata-store.ts';
import type { StoreError } from '../store-error.ts';
import { SqliteMetadataStore } from './metadata-store.ts';
import { DatabaseFiles } from './recovery/database-files.ts';
import { Supervisor } from './recovery/supervisor.ts';

interface MetadataOptions {
  /** The data folder, which this process has to itself. */
  readonly root: string;
  readonly content: ContentStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of failures, other than damage, to write last uses. */
  readonly onTrouble: (error: StoreError) => void;
}

/**
 * Opens the metadata of a data folder. A database that is damaged, or missing although blobs exist, is put
 * aside and rebuilt, now and whenever damage shows: meanwhile calls reject with `CORRUPT`. A backup is kept.
 * @throws {StoreError} when it is of a newer version, locked, or not writable
 */
export async function openMetadata({ root, ...options }: MetadataOptions): Promise<MetadataStore> {
  const supervisor = await Supervisor.start({ files: new DatabaseFiles(root), ...options });
  return new SqliteMetadataStore(supervisor.database, options.clock, () => supervisor.close());
}
