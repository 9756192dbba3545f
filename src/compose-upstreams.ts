import type { Clock } from './clock.ts';
import type { UpstreamConfig } from './config/config.ts';
import type { MirroredUpstream } from './mirror/compose.ts';
import type { Logger } from './telemetry/log.ts';
import type { CredentialProvider } from './upstream/auth/credentials.ts';
import { createRegistryClient } from './upstream/create-registry-client.ts';
import { createCredentialProvider } from './upstream/credentials/create-credential-provider.ts';
import type { UpstreamRegistry } from './upstream/registry.ts';
import { sharedLookup } from './upstream/shared-lookup.ts';
import type { Timeouts } from './upstream/transport.ts';
import { version } from './version.ts';

export interface UpstreamDependencies {
  readonly timeouts: Timeouts;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
}

export interface RunningUpstream {
  readonly upstream: MirroredUpstream;
  close(): Promise<void>;
}

/** The clients of one upstream: with the configured credentials, without any, and with a reader's own. Nothing is asked yet. */
export function composeUpstream(config: UpstreamConfig, dependencies: UpstreamDependencies): RunningUpstream {
  const { name, urls, ca, insecure, proxy, redirects, freshness, pullAhead, ranges } = config;
  const { clock, logger } = dependencies;
  const lookup = sharedLookup();
  const client = (credentials: CredentialProvider | undefined): UpstreamRegistry =>
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
      userAgent: `entrepot/${version}`,
    });
  const source = config.credentials;
  const registry = client(
    source === undefined ? undefined : createCredentialProvider(source, { clock, logger }),
  );
  const anonymous = source === undefined ? undefined : client(undefined);
  return {
    upstream: {
      registry,
      anonymous,
      as: (credentials) => client({ get: () => Promise.resolve(credentials) }),
      freshness,
      pullAhead,
      ranges,
    },
    async close() {
      await registry.close();
      await anonymous?.close();
    },
  };
}
