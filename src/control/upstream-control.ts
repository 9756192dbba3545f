import { byteRateText, leastRate } from '../base/byte-rate.ts';
import { z } from '../base/zod.ts';
import { CareError } from '../cache/care/care-error.ts';
import type { UpstreamName } from '../oci/reference.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Connectivity } from '../upstream/connectivity.ts';
import type { Throttle } from '../upstream/throttle/throttle.ts';

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

/** Bytes a second; null for no limit. */
const rate = z.int().min(leastRate).nullable();

export const rateChange = z.strictObject({
  /** Null for all together. */
  upstream: z.string().max(300).nullable(),
  bytesPerSecond: rate,
});
type RateChange = Readonly<z.infer<typeof rateChange>>;

export const rateLimit = z.object({
  /** Null for all together. */
  upstream: z.string().nullable(),
  bytesPerSecond: rate,
  /** What it is after a restart. */
  atStart: rate,
});
export type RateLimit = Readonly<z.infer<typeof rateLimit>>;

/** What commands change of how a running server asks upstreams, until it restarts. Changes are logged. */
export interface UpstreamControl {
  /** @param offline null leaves it as it is */
  offline(offline: boolean | null): Promise<OfflineState>;
  /**
   * The limits of the bandwidth, that of all upstreams first.
   * @throws {CareError} `invalid` for an upstream that is not mirrored
   */
  rates(change: RateChange | null): Promise<readonly RateLimit[]>;
}

interface UpstreamControlDeps {
  readonly connectivity: Connectivity;
  readonly throttle: Throttle;
  readonly upstreams: readonly UpstreamName[];
  /** The server as it is configured. */
  readonly atStart: {
    readonly offline: boolean;
    /** Bytes a second; undefined for no limit. */
    readonly rateOf: (upstream: UpstreamName | undefined) => number | undefined;
  };
  readonly logger: Logger;
}

/** That of a server. */
export function upstreamControl(deps: UpstreamControlDeps): UpstreamControl {
  const { connectivity, throttle, upstreams, atStart, logger } = deps;
  return {
    offline: (offline) => {
      if (offline !== null && offline !== connectivity.isOffline) {
        if (offline) connectivity.goOffline();
        else connectivity.goOnline();
        logger.warn(offline ? 'offline from now on: no upstream is asked' : 'online again');
      }
      return Promise.resolve({ offline: connectivity.isOffline, offlineAtStart: atStart.offline });
    },
    rates: async (change) => {
      if (change !== null) {
        const { bytesPerSecond } = change;
        const upstream = change.upstream === null ? undefined : named(change.upstream, upstreams);
        throttle.limit(upstream, bytesPerSecond ?? undefined);
        const limit = bytesPerSecond === null ? 'none' : byteRateText(bytesPerSecond);
        logger.info({ upstream: upstream ?? 'all', limit }, 'the limit of the bandwidth was changed');
      }
      return Promise.resolve(
        [undefined, ...upstreams].map((upstream) => ({
          upstream: upstream ?? null,
          bytesPerSecond: throttle.limitOf(upstream) ?? null,
          atStart: atStart.rateOf(upstream) ?? null,
        })),
      );
    },
  };
}

/** That of a command which works on the data folder itself. */
export const withoutServer: UpstreamControl = {
  offline: () => Promise.reject(noServer()),
  rates: () => Promise.reject(noServer()),
};

function noServer(): CareError {
  return new CareError('unavailable', 'no server runs');
}

function named(name: string, upstreams: readonly UpstreamName[]): UpstreamName {
  const upstream = upstreams.find((one) => one === name.toLowerCase());
  if (upstream !== undefined) return upstream;
  throw new CareError('invalid', `${name} is not mirrored here; this mirror serves ${upstreams.join(', ')}`);
}
