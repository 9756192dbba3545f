import type { SecureContext } from 'node:tls';
import type { Dispatcher } from 'undici';
import { isUnchecked, type AddressGuard } from './address-guard.ts';
import { direct, proxied } from './connections.ts';
import type { ConnectionPool } from './http-message.ts';
import { NoProxy } from './no-proxy.ts';
import type { ProxySettings } from './proxy-settings.ts';
import { ReceiveBuffers } from './receive-buffers.ts';

export interface DispatchersOptions {
  readonly guard: AddressGuard;
  /** Milliseconds for a connection, TLS included. */
  readonly connectMs: number;
  /** Milliseconds in which a proxy must have opened a tunnel. */
  readonly headerMs: number;
  /** What certificates are checked with; asked for when the first is. */
  readonly secureContext: () => Promise<SecureContext>;
  readonly insecure: boolean;
  readonly proxy: ProxySettings | undefined;
}

/** The connections of one upstream, direct and through proxies; each kind is made when it is first used. */
export class Dispatchers {
  /** What answers come into. */
  readonly memory = new ReceiveBuffers();
  readonly #options: DispatchersOptions;
  readonly #noProxy: NoProxy;
  readonly #made = new Map<string, Dispatcher>();
  #closed = false;

  constructor(options: DispatchersOptions) {
    const { proxy } = options;
    this.#options = options;
    this.#noProxy = new NoProxy(proxy?.noProxy ?? '', { forLoopback: proxy?.forLoopback ?? true });
  }

  /** The proxy through which `url` is asked; undefined for none. Its URL may hold credentials. */
  proxyOf(url: URL): URL | undefined {
    const { proxy } = this.#options;
    const through = url.protocol === 'https:' ? proxy?.https : proxy?.http;
    return through === undefined || this.#noProxy.includes(url) ? undefined : through;
  }

  /** What sends a request to `url`. */
  async of(url: URL, pool: ConnectionPool): Promise<Dispatcher> {
    const proxy = this.proxyOf(url);
    const { guard, connectMs, headerMs, insecure } = this.#options;
    if (proxy === undefined) {
      const secureContext = url.protocol === 'https:' ? await this.#options.secureContext() : undefined;
      const receive = this.memory;
      return this.#kept(`${pool} ${url.protocol}`, () =>
        direct(pool, { guard, timeoutMs: connectMs, secureContext, insecure, receive }),
      );
    }
    const secureContext = await this.#options.secureContext();
    const unchecked = isUnchecked(guard.trust(url), insecure);
    return this.#kept(`${pool} ${String(unchecked)} ${proxy.href}`, () =>
      proxied(pool, { proxy, connectMs, headerMs, secureContext, unchecked }),
    );
  }

  /** Requests under way reject; so do those that come later. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#made.values()].map((made) => made.destroy()));
  }

  #kept(key: string, make: () => Dispatcher): Dispatcher {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = make();
    if (this.#closed) void made.destroy();
    this.#made.set(key, made);
    return made;
  }
}
