import type { Upstream } from '../upstream.ts';

/** Pulls that are left to clients, of those that an upstream counts: so many, or a part of all where that is more. */
const leftToClients = { pulls: 10, share: 0.2 };

/**
 * Whether an upstream may be asked for a manifest that no client has asked for, which a registry may count as a pull: not
 * while it is in trouble, nor when few pulls are left as far as it has said.
 */
export function hasSparePulls({ breaker, rateLimit }: Pick<Upstream, 'breaker' | 'rateLimit'>): boolean {
  if (!breaker.admits) return false;
  const { remaining, limit = 0 } = rateLimit() ?? {};
  return remaining === undefined || remaining > Math.max(leftToClients.pulls, limit * leftToClients.share);
}
