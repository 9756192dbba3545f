import type { UpstreamName } from '../oci/reference.ts';

/** From the least to the most talkative. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** `text` is for people, `json` is pino's own, `logstash` is JSON with `@timestamp`, `@version` and `message`. */
export type LogFormatter = 'text' | 'json' | 'logstash';

export interface LogConfig {
  readonly level: LogLevel;
  readonly formatter: LogFormatter;
  /** Added to every line. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface StorageConfig {
  /** Absolute. */
  readonly rootdirectory: string;
  /** As configured. Without effect so far: like registry:2 as a pull-through cache, a mirror refuses deletes. */
  readonly deleteEnabled: boolean;
}

/** What the server binds to. */
export interface ListenAddress {
  /** A host name or an IP address without brackets; undefined means all interfaces. */
  readonly host: string | undefined;
  /** 0 lets the system choose. */
  readonly port: number;
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

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface UpstreamConfig {
  readonly name: UpstreamName;
  /** Scheme, host and port; no path. */
  readonly url: URL;
  /** Undefined means anonymous. */
  readonly credentials: Credentials | undefined;
}

export interface FreshnessRule {
  /** A glob on `repository:tag`. */
  readonly match: string;
  readonly maxAgeMs: number;
}

export interface FreshnessConfig {
  /** For tags that no rule matches. */
  readonly tagMs: number;
  /** The first that matches decides. */
  readonly rules: readonly FreshnessRule[];
  /** What becomes of a cached tag that upstream no longer has; `keep` by default. */
  readonly gone: 'keep' | 'drop';
}

/** Limits on one upstream request. */
export interface TimeoutConfig {
  /** Until the connection stands, TLS included. */
  readonly connectMs: number;
  /** From the request sent to the answer's headers. */
  readonly headerMs: number;
  /** Between two pieces of a body. */
  readonly idleMs: number;
}

/**
 * What the operator asked for, checked and complete, in bytes, milliseconds and objects; frozen. It holds secrets: do not log it.
 * `docs/configuration.md` has the keys that lead here.
 */
export interface Config {
  readonly log: LogConfig;
  readonly storage: StorageConfig;
  readonly http: HttpConfig;
  readonly upstream: UpstreamConfig;
  /** How long content that nobody asks for is kept; 0 means for ever. */
  readonly ttlMs: number;
  readonly freshness: FreshnessConfig;
  readonly timeouts: TimeoutConfig;
}
