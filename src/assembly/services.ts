import { lstat } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';
import { openCache } from './cache.ts';
import type { Config } from '../config/config.ts';
import { withoutServer } from '../control/upstream-control.ts';
import { openServices, type OpenServices } from '../control/open-services.ts';
import { CareError } from '../cache/care/care-error.ts';
import { fileError, unlessMissing } from '../store/file-error.ts';
import { ownWarmer } from './own-warmer.ts';
import { DatabaseFiles } from '../store/sqlite/recovery/database-files.ts';
import type { Logger } from '../telemetry/log.ts';

interface ServicesDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends the waiting for another command, and what a server is asked. */
  readonly signal: AbortSignal;
}

/**
 * The services of a configuration's cache: those of its server while it runs, else some that work on the stores
 * themselves.
 *
 * @throws CareError or StoreError when there are none
 */
export async function servicesFor(config: Config, deps: ServicesDeps): Promise<OpenServices> {
  const folder = config.storage.rootdirectory;
  const open = async (): Promise<OpenServices> => {
    await refuseToMeddle(folder);
    const cache = await openCache(config, { ...deps, server: undefined });
    const { care, transfer } = cache;
    const warmer = ownWarmer(config, { ...deps, cache });
    const services = { caretaker: care.caretaker, transfer, warmer, upstreams: withoutServer };
    return { services, [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose]() };
  };
  return openServices({ ...deps, folder, open });
}

/**
 * Folders that root creates in another user's cache would be closed to the server; and that user may have
 * made links there, to files that only root may write.
 */
async function refuseToMeddle(folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  let owner: number | undefined;
  try {
    owner = (await unlessMissing(lstat(new DatabaseFiles(folder).database)))?.uid;
  } catch (cause) {
    throw fileError('looking into the data folder', cause);
  }
  if (owner === undefined || owner === 0) return;
  throw new CareError(
    'unavailable',
    `the cache in ${folder} belongs to another user: run this as that one, as with "sudo -u '#${owner}' entrepot …"`,
  );
}
