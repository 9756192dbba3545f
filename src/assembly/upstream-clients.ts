import type { Clock } from '../base/clock.ts';
import type { UpstreamConfig } from '../config/config.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Authorities } from '../upstream/authorities.ts';
import type { BasicCredentials } from '../base/basic-auth.ts';
import type { CredentialProvider } from '../upstream/auth/credentials.ts';
import { createRegistryClient } from '../upstream/create-registry-client.ts';
import { createCredentialProvider } from '../upstream/credentials/create-credential-provider.ts';
import { HeadSupports } from '../upstream/head-support.ts';
import type { RateLimitObserver } from '../upstream/rate-limit.ts';
import type { UpstreamRegistry } from '../upstream/registry.ts';
import { sharedLookup } from '../upstream/shared-lookup.ts';
import type { Timeouts } from '../upstream/transport.ts';
import { version } from '../base/version.ts';

export interface UpstreamDependencies {
  readonly timeouts: Timeouts;
  /** Whom all upstreams' certificates are checked with; asked for when the first is. */
  readonly authorities: () => Promise<Authorities>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
}

/**
 * Makes clients of one upstream. They have connections of their own; lookups of names they share, and what
 * HEAD is good for.
 */
export interface Clients {
  /** With the configured credentials, or without where there are none. */
  configured(onRateLimit: RateLimitObserver): UpstreamRegistry;
  anonymous(): UpstreamRegistry;
  as(account: BasicCredentials): UpstreamRegistry;
}

export function upstreamClients(config: UpstreamConfig, dependencies: UpstreamDependencies): Clients {
  const { name, urls, credentials: source, ca, insecure, proxy, redirects } = config;
  const lookup = sharedLookup();
  const heads = new HeadSupports(dependencies.clock);
  const client = (
    credentials: CredentialProvider | undefined,
    onRateLimit?: RateLimitObserver,
  ): UpstreamRegistry =>
    createRegistryClient({
      ...dependencies,
      name,
      urls,
      credentials,
      ca,
      insecure,
      proxy,
      redirects,
      lookup,
      heads,
      userAgent: `entrepot/${version}`,
      onRateLimit,
    });
  return {
    configured: (onRateLimit) =>
      client(source === undefined ? undefined : createCredentialProvider(source, dependencies), onRateLimit),
    anonymous: () => client(undefined),
    as: (account) => client({ get: () => Promise.resolve(account) }),
  };
}
