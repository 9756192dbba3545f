import type { SecureContext } from 'node:tls';
import { Agent, Pool, ProxyAgent, type Dispatcher } from 'undici';
import { getOrMake } from '../base/get-or-make.ts';
import { isUnchecked, type AddressGuard } from './address-guard.ts';
import { guardedConnector } from './connector.ts';
import type { ConnectionPool } from './http-message.ts';
import { NoProxy } from './no-proxy.ts';
import type { ProxySettings } from './proxy-settings.ts';
import { ReceiveBuffers } from './receive-buffers.ts';

/** Connections to one origin at a time; more requests wait for one of them. */
const maxConnections: Readonly<Record<ConnectionPool, number>> = { metadata: 32, blob: 128 };

/** Of a response's head, in bytes: 64 KiB for one line, and Node's default for the others. */
const maxHeaderSize = 80 * 1024;

/** How long an idle connection is kept, in milliseconds: many upstreams add up to thousands. */
const keepAliveMs = 4_000;
/** The same where a server asks for longer. */
const longestKeepAliveMs = 10_000;

interface DispatchersDeps {
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
  readonly #deps: DispatchersDeps;
  readonly #noProxy: NoProxy;
  readonly #made = new Map<string, Dispatcher>();
  #closed = false;

  constructor(deps: DispatchersDeps) {
    const { proxy } = deps;
    this.#deps = deps;
    this.#noProxy = new NoProxy(proxy?.noProxy ?? '', { forLoopback: proxy?.forLoopback ?? true });
  }

  /** The proxy through which `url` is asked; undefined for none. Its URL may hold credentials. */
  proxyOf(url: URL): URL | undefined {
    const { proxy } = this.#deps;
    const through = url.protocol === 'https:' ? proxy?.https : proxy?.http;
    return through === undefined || this.#noProxy.includes(url) ? undefined : through;
  }

  /** What sends a request to `url`. */
  async of(url: URL, pool: ConnectionPool): Promise<Dispatcher> {
    const proxy = this.proxyOf(url);
    const { guard, insecure } = this.#deps;
    if (proxy === undefined) {
      const secureContext = url.protocol === 'https:' ? await this.#deps.secureContext() : undefined;
      return this.#kept(`${pool} ${url.protocol}`, () => this.#direct(pool, secureContext));
    }
    const secureContext = await this.#deps.secureContext();
    const rejectUnauthorized = !isUnchecked(guard.trust(url), insecure);
    return this.#kept(`${pool} ${rejectUnauthorized} ${proxy.href}`, () =>
      this.#proxied(pool, proxy, { secureContext, rejectUnauthorized }),
    );
  }

  /** Requests under way reject; so do those that come later. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#made.values()].map((made) => made.destroy()));
  }

  #kept(key: string, make: () => Dispatcher): Dispatcher {
    const dispatcher = getOrMake(this.#made, key, make);
    if (this.#closed) void dispatcher.destroy();
    return dispatcher;
  }

  #direct(pool: ConnectionPool, secureContext: SecureContext | undefined): Dispatcher {
    const { guard, connectMs, insecure } = this.#deps;
    const receive = pool === 'blob' ? this.memory : undefined;
    const connect = guardedConnector({ guard, timeoutMs: connectMs, secureContext, insecure, receive });
    return new Agent({ ...pooling(pool), connect });
  }

  /** HTTPS goes through a tunnel (CONNECT), plain HTTP in absolute form. */
  #proxied(
    pool: ConnectionPool,
    proxy: URL,
    tls: { readonly secureContext: SecureContext; readonly rejectUnauthorized: boolean },
  ): Dispatcher {
    const { connectMs, headerMs } = this.#deps;
    return new ProxyAgent({
      ...pooling(pool),
      uri: proxy.href,
      requestTls: { ...tls, timeout: connectMs },
      proxyTls: { secureContext: tls.secureContext, timeout: connectMs },
      // Those that undici makes know neither these limits nor that of the wait for a tunnel.
      factory: (origin, options) => new Pool(origin, Object.assign(pooling(pool), options)),
      clientFactory: (origin, options) =>
        new Pool(origin, Object.assign({ headersTimeout: headerMs }, options)),
    });
  }
}

/** Blobs in parallel want connections of their own, and one cut stream must not end others: no HTTP/2. */
function pooling(pool: ConnectionPool) {
  return {
    connections: maxConnections[pool],
    allowH2: false,
    maxHeaderSize,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: longestKeepAliveMs,
  } satisfies Pool.Options;
}
