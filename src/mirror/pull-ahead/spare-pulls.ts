import type { Repository } from '../../oci/reference.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { Degradation } from '../degradation.ts';
import type { Routing } from '../routing.ts';
import type { Upstream } from '../upstream.ts';

/** Pulls that are left to clients, of those that an upstream counts: so many, or a part of all where that is more. */
const leftToClients = { pulls: 10, share: 0.2 };

export interface SparePullsOptions {
  readonly routing: Routing<Pick<Upstream, 'name' | 'breaker'>>;
  readonly metadata: Pick<MetadataStore, 'upstreamState'>;
  readonly degradation: Degradation;
}

/** Says whether an upstream may be asked for a manifest that no client has asked for: a registry may count it as a pull. */
export class SparePulls {
  readonly #options: SparePullsOptions;

  constructor(options: SparePullsOptions) {
    this.#options = options;
  }

  /** False while upstream is in trouble, and when few pulls are left as far as it has said. */
  async has({ upstream }: Repository): Promise<boolean> {
    const { routing, metadata, degradation } = this.#options;
    const { name, breaker } = routing.upstream(upstream);
    if (!breaker.admits) return false;
    const { remaining, limit = 0 } = (await degradation.tolerate(() => metadata.upstreamState(name))) ?? {};
    return remaining === undefined || remaining > Math.max(leftToClients.pulls, limit * leftToClients.share);
  }
}
