import type { UpstreamName } from '../oci/reference.ts';

/** Host names of this mirror that are bound to one upstream each: `ghcr.mirror.example` to `ghcr.io`. */
export class HostNames {
  readonly #upstreams: ReadonlyMap<string, UpstreamName>;

  /** @param upstreams by host name, lower-case and without port */
  constructor(upstreams: ReadonlyMap<string, UpstreamName>) {
    this.#upstreams = upstreams;
  }

  /** The upstream that a `Host` header is bound to, if any. Case and port do not matter. */
  upstreamOf(host: string | undefined): UpstreamName | undefined {
    if (host === undefined) return undefined;
    const name = host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
    return this.#upstreams.get(name);
  }
}
