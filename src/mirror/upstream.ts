import type { UpstreamName } from '../oci/reference.ts';
import type { BasicCredentials } from '../base/basic-auth.ts';
import type { RateLimit } from '../upstream/rate-limit.ts';
import type { UpstreamRegistry } from '../upstream/registry.ts';
import type { Breaker } from '../upstream/breaker.ts';
import type { Freshness } from './manifests/freshness.ts';
import type { PullAheadPolicy } from './pull-ahead/policy.ts';
import type { Ranges } from './fill/ranges/ranges.ts';

/** The clients of one upstream. */
export interface UpstreamClients {
  readonly registry: UpstreamRegistry;
  /** The same registry asked without credentials; undefined where {@link registry} has none either. */
  readonly anonymous: UpstreamRegistry | undefined;
  /** The same registry asked with a reader's own credentials. Whoever asks for it closes it. */
  readonly as: (credentials: BasicCredentials) => UpstreamRegistry;
  /** What {@link registry} has last said of how many pulls are left; undefined where it has said nothing. */
  readonly rateLimit: () => RateLimit | undefined;
}

/**
 * An upstream as the mirror asks it: its clients, its health, how long its tags are fresh. One that was ever
 * asked with credentials has {@link anonymous} even if {@link registry} has none now: what is cached may be
 * private.
 */
export interface Upstream extends UpstreamClients {
  readonly name: UpstreamName;
  readonly breaker: Breaker;
  readonly freshness: Freshness;
  readonly pullAhead: PullAheadPolicy;
  readonly ranges: Ranges;
}
