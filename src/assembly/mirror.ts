import type { Clock } from '../base/clock.ts';
import type { Hops } from '../base/hops.ts';
import type { AuthConfig, Config } from '../config/config.ts';
import { composeMirror, type RunningMirror } from '../mirror/compose.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Connectivity } from '../upstream/connectivity.ts';
import type { Throttle } from '../upstream/throttle/throttle.ts';
import type { Cache } from './cache.ts';
import { composeUpstream, lazyAuthorities } from './upstreams.ts';

interface MirrorDeps {
  readonly cache: Cache;
  readonly connectivity: Connectivity;
  readonly throttle: Throttle;
  readonly hops: Hops;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The mirror of a configuration, over its cache, which stays open. No upstream is asked. */
export async function openMirror(config: Config, { cache, ...deps }: MirrorDeps): Promise<RunningMirror> {
  await using closing = new AsyncDisposableStack();
  const random = Math.random;
  const { plain, access, timeouts } = config;
  const authorities = lazyAuthorities(config.systemStores);
  const upstreams = config.upstreams.map(
    (upstream) => closing.use(composeUpstream(upstream, { ...deps, timeouts, authorities, random })).upstream,
  );
  const canLogIn = hasLogins(config.auth);
  const mirror = await composeMirror({ ...cache, ...deps, upstreams, plain, access, canLogIn, random });
  closing.use(mirror);
  const opened = closing.move();
  return { ...mirror, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function hasLogins({ htpasswd, token, passthrough }: AuthConfig): boolean {
  return htpasswd !== undefined || token !== undefined || passthrough;
}
