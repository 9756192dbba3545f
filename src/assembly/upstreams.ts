import type { UpstreamConfig } from '../config/config.ts';
import type { MirroredUpstream } from '../mirror/compose.ts';
import type { Clients, UpstreamDependencies, upstreamClients } from './upstream-clients.ts';
import type { Authorities, SystemStores } from '../upstream/authorities.ts';
import { LazyRegistry } from '../upstream/lazy-registry.ts';
import type { RateLimit } from '../upstream/rate-limit.ts';
import type { UpstreamRegistry } from '../upstream/registry.ts';

export interface RunningUpstream {
  readonly upstream: MirroredUpstream;
  close(): Promise<void>;
}

/**
 * The clients of one upstream: with the configured credentials, without any, and with a reader's own. Nothing is asked yet,
 * nor loaded: that is half of a server's code, and what is cached needs none of it.
 */
export function composeUpstream(config: UpstreamConfig, dependencies: UpstreamDependencies): RunningUpstream {
  const { name, credentials, freshness, pullAhead, ranges } = config;
  let clients: Clients | undefined;
  const lazily = (make: (clients: Clients) => UpstreamRegistry): UpstreamRegistry =>
    new LazyRegistry(name, async () => {
      const clientsOf = await loadClients();
      return make((clients ??= clientsOf(config, dependencies)));
    });
  let rateLimit: RateLimit | undefined;
  const registry = lazily((of) =>
    of.configured((_, stated) => {
      rateLimit = stated;
    }),
  );
  const anonymous = credentials === undefined ? undefined : lazily((of) => of.anonymous());
  return {
    upstream: {
      registry,
      anonymous,
      as: (account) => lazily((of) => of.as(account)),
      rateLimit: () => rateLimit,
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

/** Loads what upstreams are asked with, which takes some 60 ms: ahead of the first pull, if there is time before. */
export async function loadClients(): Promise<typeof upstreamClients> {
  return (await import('./upstream-clients.ts')).upstreamClients;
}

/** Reads the system's authorities when the first upstream is asked over TLS, once for all: that takes 30 ms and some MiB. */
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
