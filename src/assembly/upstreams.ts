import type { UpstreamConfig } from '../config/config.ts';
import type { MirroredUpstream } from '../mirror/upstreams.ts';
import type { Authorities, SystemStores } from '../upstream/authorities.ts';
import { lazyRegistry } from '../upstream/lazy-registry.ts';
import type { RateLimit } from '../upstream/rate-limit.ts';
import type { UpstreamRegistry } from '../upstream/registry.ts';
import type { clientsOf, MakeClient, UpstreamDeps } from './upstream-clients.ts';

interface RunningUpstream extends AsyncDisposable {
  readonly upstream: MirroredUpstream;
}

/**
 * The clients of one upstream. Nothing is loaded yet: that is half of a server's code, and hits need none.
 */
export function composeUpstream(config: UpstreamConfig, deps: UpstreamDeps): RunningUpstream {
  const { name, credentials, freshness, pullAhead, ranges } = config;
  let client: MakeClient | undefined;
  const lazily = (...how: Parameters<MakeClient>): UpstreamRegistry => {
    const make = async (): Promise<UpstreamRegistry> => {
      const clients = await loadClients();
      return (client ??= clients(config, deps))(...how);
    };
    return lazyRegistry(name, make, deps.connectivity);
  };
  let rateLimit: RateLimit | undefined;
  const registry = lazily(credentials, (stated) => {
    rateLimit = stated;
  });
  const anonymous = credentials === undefined ? undefined : lazily();
  return {
    upstream: {
      registry,
      anonymous,
      as: (account) => lazily({ kind: 'static', ...account }),
      rateLimit: () => rateLimit,
      freshness,
      pullAhead,
      ranges,
    },
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await anonymous?.[Symbol.asyncDispose]();
    },
  };
}

/** Loads the upstream clients, which takes some 60 ms: ahead of the first pull, if there is time. */
export async function loadClients(): Promise<typeof clientsOf> {
  return (await import('./upstream-clients.ts')).clientsOf;
}

/** Reads the system's authorities when the first upstream is asked over TLS: 30 ms and some MiB. */
export function lazyAuthorities(stores: SystemStores): () => Promise<Authorities> {
  let loaded: Promise<Authorities> | undefined;
  const load = async (): Promise<Authorities> => {
    try {
      const { Authorities: authorities } = await import('../upstream/authorities.ts');
      return await authorities.load(stores);
    } catch (error) {
      // Such as running out of file descriptors: the next request may succeed.
      loaded = undefined;
      throw error;
    }
  };
  return () => (loaded ??= load());
}
