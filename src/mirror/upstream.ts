import type { UpstreamName } from '../oci/reference.ts';
import type { UpstreamRegistry } from '../upstream/registry.ts';
import type { Breaker } from './breaker.ts';

/** An upstream as the mirror holds it: its client, and what is known of its health. */
export interface Upstream {
  readonly name: UpstreamName;
  readonly registry: UpstreamRegistry;
  readonly breaker: Breaker;
}
