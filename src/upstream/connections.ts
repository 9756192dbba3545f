import type { SecureContext } from 'node:tls';
import { Agent, Pool, ProxyAgent, type Dispatcher } from 'undici';
import { guardedConnector, type ConnectorOptions } from './connector.ts';
import type { ConnectionPool } from './http-message.ts';

/** Connections to one origin at a time; more requests wait for one of them. */
const maxConnections: Readonly<Record<ConnectionPool, number>> = { metadata: 32, blob: 128 };

/**
 * Of an answer's head, in bytes: 64 KiB for one line, and what Node takes by default for the others. Some
 * registries and what stands before them add kilobytes of policies and cookies.
 */
const maxHeaderSize = 80 * 1024;

/** How long an idle connection is kept, in milliseconds: with many upstreams, minutes would add up to thousands. */
const keepAliveMs = 4_000;
/** The same where a server asks for longer. */
const longestKeepAliveMs = 10_000;

export interface ProxiedOptions {
  /** Its URL may hold credentials. */
  readonly proxy: URL;
  /** Milliseconds for a connection, TLS included. */
  readonly connectMs: number;
  /** Milliseconds in which the proxy must have opened a tunnel. */
  readonly headerMs: number;
  /** What certificates are checked with. */
  readonly secureContext: SecureContext;
  /** The upstream's certificate is not checked. */
  readonly unchecked: boolean;
}

/** Connections straight to where a request goes. */
export function direct(pool: ConnectionPool, { receive, ...options }: ConnectorOptions): Dispatcher {
  const connect = guardedConnector({ ...options, receive: pool === 'blob' ? receive : undefined });
  return new Agent({ ...pooling(pool), connect });
}

/** Connections through a proxy: HTTPS goes through a tunnel (CONNECT), plain HTTP in absolute form. */
export function proxied(
  pool: ConnectionPool,
  { proxy, connectMs, headerMs, secureContext, unchecked }: ProxiedOptions,
): Dispatcher {
  const tls = { timeout: connectMs, secureContext };
  return new ProxyAgent({
    ...pooling(pool),
    uri: proxy.href,
    requestTls: { ...tls, rejectUnauthorized: !unchecked },
    proxyTls: tls,
    // Those that undici makes by itself know neither these limits nor that of the wait for a tunnel.
    factory: (origin, options) => new Pool(origin, Object.assign(pooling(pool), options)),
    clientFactory: (origin, options) =>
      new Pool(origin, Object.assign({ headersTimeout: headerMs }, options)),
  });
}

/** Blobs in parallel want connections of their own, and one cut stream must not end others: no HTTP/2. */
function pooling(
  pool: ConnectionPool,
): Pick<
  Pool.Options,
  'connections' | 'allowH2' | 'maxHeaderSize' | 'keepAliveTimeout' | 'keepAliveMaxTimeout'
> {
  return {
    connections: maxConnections[pool],
    allowH2: false,
    maxHeaderSize,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: longestKeepAliveMs,
  };
}
