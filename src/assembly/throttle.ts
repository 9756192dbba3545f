import type { Clock } from '../base/clock.ts';
import type { Config } from '../config/config.ts';
import type { UpstreamName } from '../oci/reference.ts';
import { Throttle } from '../upstream/throttle/throttle.ts';

/** The limits of the bandwidth that are configured. */
export function composeThrottle(config: Config, clock: Clock): Throttle {
  const throttle = new Throttle(clock);
  for (const upstream of [undefined, ...config.upstreams.map(({ name }) => name)])
    throttle.limit(upstream, maxRateOf(config, upstream));
  return throttle;
}

/** Bytes a second that are taken from an upstream at most, or from all; undefined for no limit. */
export function maxRateOf(
  { maxRate, upstreams }: Config,
  upstream: UpstreamName | undefined,
): number | undefined {
  return upstream === undefined ? maxRate : upstreams.find(({ name }) => name === upstream)?.maxRate;
}
