import { Hops } from '../base/hops.ts';
import type { Config } from '../config/config.ts';
import type { WarmEvent } from '../mirror/warm/schemas.ts';
import type { Warmer } from '../mirror/warm/warmer.ts';
import { Connectivity } from '../upstream/connectivity.ts';
import type { openMirror } from './mirror.ts';
import { composeThrottle } from './throttle.ts';

/** A warmer in a command's own process, with a mirror that is made for it: other commands need none. */
export function ownWarmer(
  config: Config,
  deps: Omit<Parameters<typeof openMirror>[1], 'hops' | 'connectivity' | 'throttle'>,
): Warmer {
  const { cache } = deps;
  return {
    async *warm(options): AsyncGenerator<WarmEvent> {
      const { openMirror: open } = await import('./mirror.ts');
      await using running = await open(config, {
        ...deps,
        connectivity: new Connectivity(config.offline),
        throttle: composeThrottle(config, deps.clock),
        hops: new Hops(),
      });
      cache.space.start();
      yield* running.warmer.warm(options);
    },
  };
}
