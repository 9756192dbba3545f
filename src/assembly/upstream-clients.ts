import type { Clock } from '../base/clock.ts';
import type { Hops } from '../base/hops.ts';
import { version } from '../base/version.ts';
import type { UpstreamConfig } from '../config/config.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Authorities } from '../upstream/authorities.ts';
import type { Connectivity } from '../upstream/connectivity.ts';
import { createRegistryClient } from '../upstream/create-registry-client.ts';
import { createCredentialProvider } from '../upstream/credentials/create-credential-provider.ts';
import type { CredentialSource } from '../upstream/credentials/credential-source.ts';
import { HeadSupports } from '../upstream/head-support.ts';
import type { RateLimit } from '../upstream/rate-limit.ts';
import type { UpstreamRegistry } from '../upstream/registry.ts';
import { onlineLookup } from '../upstream/online-lookup.ts';
import { sharedLookup } from '../upstream/shared-lookup.ts';
import type { Throttle } from '../upstream/throttle/throttle.ts';
import type { Timeouts } from '../upstream/transport.ts';

export interface UpstreamDeps {
  readonly timeouts: Timeouts;
  /** What all upstreams' certificates are checked with; asked for when the first is. */
  readonly authorities: () => Promise<Authorities>;
  readonly hops?: Hops | undefined;
  readonly connectivity: Connectivity;
  readonly throttle: Throttle;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
}

/** Makes a client of one upstream, anonymous without `credentials`. */
export type MakeClient = (
  credentials?: CredentialSource,
  onRateLimit?: (rateLimit: RateLimit) => void,
) => UpstreamRegistry;

/** For clients with connections of their own, which share lookups of names, and what HEAD is good for. */
export function clientsOf(config: UpstreamConfig, deps: UpstreamDeps): MakeClient {
  const { name, urls, throughMirror, ca, insecure, proxy, redirects } = config;
  const common = {
    ...deps,
    name,
    urls,
    throughMirror,
    ca,
    insecure,
    proxy,
    redirects,
    lookup: onlineLookup(sharedLookup(), deps.connectivity),
    heads: new HeadSupports(deps.clock),
    meters: deps.throttle.of(name),
    userAgent: `entrepot/${version}`,
  };
  return (source, onRateLimit) => {
    const credentials = source && createCredentialProvider(source, deps);
    return createRegistryClient({ ...common, credentials, onRateLimit });
  };
}
