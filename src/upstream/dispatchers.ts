import { getCACertificates } from 'node:tls';
import { Agent, Pool, ProxyAgent, type Dispatcher } from 'undici';
import type { AddressGuard } from './address-guard.ts';
import { guardedConnector, isUnchecked } from './connector.ts';
import type { Lane } from './http-message.ts';
import { NoProxy } from './no-proxy.ts';
import type { ProxySettings } from './proxy-settings.ts';

/** Connections to one origin at a time; more requests wait for one of them. */
const maxConnections: Readonly<Record<Lane, number>> = { metadata: 32, blob: 128 };

/** How long an idle connection is kept, in milliseconds: with many upstreams, minutes would add up to thousands. */
const keepAliveMs = 4_000;
/** The same where a server asks for longer. */
const longestKeepAliveMs = 10_000;

export interface DispatchersOptions {
  readonly guard: AddressGuard;
  /** Milliseconds for a connection, TLS included. */
  readonly connectMs: number;
  /** Milliseconds in which a proxy must have opened a tunnel. */
  readonly headerMs: number;
  /** A certificate authority in PEM form, trusted besides the usual ones. */
  readonly ca: string | undefined;
  readonly insecure: boolean;
  readonly proxy: ProxySettings | undefined;
}

/** The connections of one upstream, direct and through proxies; each kind is made when it is first used. */
export class Dispatchers {
  readonly #options: DispatchersOptions;
  readonly #ca: readonly string[] | undefined;
  readonly #noProxy: NoProxy;
  readonly #made = new Map<string, Dispatcher>();
  #closed = false;

  constructor(options: DispatchersOptions) {
    const { ca, proxy } = options;
    this.#options = options;
    this.#ca = ca === undefined ? undefined : [...getCACertificates('default'), ca];
    this.#noProxy = new NoProxy(proxy?.noProxy ?? '');
  }

  /** The proxy through which `url` is asked; undefined for none. Its URL may hold credentials. */
  proxyOf(url: URL): URL | undefined {
    const { proxy } = this.#options;
    const through = url.protocol === 'https:' ? proxy?.https : proxy?.http;
    return through === undefined || this.#noProxy.includes(url) ? undefined : through;
  }

  /** What sends a request to `url`. */
  of(url: URL, lane: Lane): Dispatcher {
    const proxy = this.proxyOf(url);
    const { guard, insecure } = this.#options;
    if (proxy === undefined) return this.#kept(lane, () => this.#direct(lane));
    const unchecked = isUnchecked(guard.standing(url), insecure);
    return this.#kept(`${lane} ${String(unchecked)} ${proxy.href}`, () =>
      this.#proxied(lane, proxy, unchecked),
    );
  }

  /** Requests under way reject; so do those that come later. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#made.values()].map((dispatcher) => dispatcher.destroy()));
  }

  #kept(key: string, make: () => Dispatcher): Dispatcher {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const dispatcher = make();
    this.#made.set(key, dispatcher);
    if (this.#closed) void dispatcher.destroy();
    return dispatcher;
  }

  #direct(lane: Lane): Dispatcher {
    const { guard, connectMs, insecure } = this.#options;
    return new Agent({
      ...pooling(lane),
      connect: guardedConnector({ guard, timeoutMs: connectMs, ca: this.#ca, insecure }),
    });
  }

  /** HTTPS goes through a tunnel (CONNECT), plain HTTP in absolute form. */
  #proxied(lane: Lane, proxy: URL, unchecked: boolean): Dispatcher {
    const { connectMs, headerMs } = this.#options;
    const tls = { timeout: connectMs, ...(this.#ca === undefined ? {} : { ca: [...this.#ca] }) };
    return new ProxyAgent({
      ...pooling(lane),
      uri: proxy.href,
      requestTls: { ...tls, rejectUnauthorized: !unchecked },
      proxyTls: tls,
      // Those that undici makes by itself know neither these limits nor that of the wait for a tunnel.
      factory: (origin, options) => new Pool(origin, Object.assign(pooling(lane), options)),
      clientFactory: (origin, options) =>
        new Pool(origin, Object.assign({ headersTimeout: headerMs }, options)),
    });
  }
}

/** Blobs in parallel want connections of their own, and one cut stream must not end others: no HTTP/2. */
function pooling(
  lane: Lane,
): Pick<Pool.Options, 'connections' | 'allowH2' | 'keepAliveTimeout' | 'keepAliveMaxTimeout'> {
  return {
    connections: maxConnections[lane],
    allowH2: false,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: longestKeepAliveMs,
  };
}
