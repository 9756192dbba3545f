import type { ListenAddress } from '../http/server.ts';
import type { FreshnessRule } from '../mirror/freshness.ts';
import type { UpstreamName } from '../oci/reference.ts';
import type { LogOptions } from '../telemetry/log.ts';
import type { BasicCredentials } from '../upstream/auth/credentials.ts';
import type { Timeouts } from '../upstream/transport.ts';

export interface StorageConfig {
  /** Absolute. */
  readonly rootdirectory: string;
  /** As configured. Without effect so far: like registry:2 as a pull-through cache, a mirror refuses deletes. */
  readonly deleteEnabled: boolean;
}

/** All file names are absolute, and were readable when the configuration was loaded. */
export interface TlsConfig {
  readonly certificate: string;
  readonly key: string;
  /** When there are any, clients must show a certificate that one of them signed. */
  readonly clientcas: readonly string[];
  readonly minimumtls: 'TLSv1.2' | 'TLSv1.3';
}

export interface HttpConfig {
  readonly addr: ListenAddress;
  /** Sent with every response, by name as configured. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly tls: TlsConfig | undefined;
  /** How long requests under way may go on after a stop signal; 0 cuts them at once. */
  readonly draintimeoutMs: number;
}

export interface UpstreamConfig {
  readonly name: UpstreamName;
  /** Scheme, host and port; no path. */
  readonly url: URL;
  /** Undefined means anonymous. */
  readonly credentials: BasicCredentials | undefined;
}

export interface FreshnessConfig {
  /** For tags that no rule matches. */
  readonly tagMs: number;
  /** The first that matches decides. */
  readonly rules: readonly FreshnessRule[];
  /** What becomes of a cached tag that upstream no longer has; `keep` by default. */
  readonly gone: 'keep' | 'drop';
}

/**
 * What the operator asked for, checked and complete, in bytes, milliseconds and objects; frozen. It holds secrets: do not log it.
 * `docs/configuration.md` has the keys that lead here.
 */
export interface Config {
  readonly log: LogOptions;
  readonly storage: StorageConfig;
  readonly http: HttpConfig;
  readonly upstream: UpstreamConfig;
  /** How long content that nobody asks for is kept; 0 means for ever. */
  readonly ttlMs: number;
  readonly freshness: FreshnessConfig;
  /** Limits on one upstream request. */
  readonly timeouts: Timeouts;
}
