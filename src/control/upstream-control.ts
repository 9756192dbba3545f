import { z } from '../base/zod.ts';
import { CareError } from '../cache/care/care-error.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Connectivity } from '../upstream/connectivity.ts';

export const offlineOptions = z.strictObject({
  /** Null leaves it as it is. */
  offline: z.boolean().nullable(),
});

export const offlineState = z.object({
  offline: z.boolean(),
  /** What it is after a restart. */
  offlineAtStart: z.boolean(),
});
type OfflineState = Readonly<z.infer<typeof offlineState>>;

/** What commands change of how a running server asks upstreams, until it restarts. */
export interface UpstreamControl {
  /** @param offline null leaves it as it is */
  offline(offline: boolean | null): Promise<OfflineState>;
}

interface UpstreamControlDeps {
  readonly connectivity: Connectivity;
  readonly offlineAtStart: boolean;
  readonly logger: Logger;
}

/** That of a server. */
export function upstreamControl({
  connectivity,
  offlineAtStart,
  logger,
}: UpstreamControlDeps): UpstreamControl {
  return {
    offline: (offline) => {
      if (offline !== null && offline !== connectivity.isOffline) {
        if (offline) connectivity.goOffline();
        else connectivity.goOnline();
        logger.warn(offline ? 'offline from now on: no upstream is asked' : 'online again');
      }
      return Promise.resolve({ offline: connectivity.isOffline, offlineAtStart });
    },
  };
}

/** That of a command which works on the data folder itself. */
export const withoutServer: UpstreamControl = {
  offline: () => Promise.reject(new CareError('unavailable', 'no server runs')),
};
