import type { ListenAddress } from '../http/server.ts';
import type { AccessRules } from '../mirror/access/policy.ts';
import type { Quota, SizeLimit } from '../cache/space/limits.ts';
import type { FreshnessRule } from '../mirror/manifests/freshness.ts';
import type { PullAheadPolicy } from '../mirror/pull-ahead/policy.ts';
import type { RangePolicy } from '../mirror/fill/ranges/policy.ts';
import type { UpstreamName } from '../oci/reference.ts';
import type { LogOptions } from '../telemetry/log.ts';
import type { SystemStores } from '../upstream/authorities.ts';
import type { CredentialSource } from '../upstream/credentials/credential-source.ts';
import type { ProxySettings } from '../upstream/proxy-settings.ts';
import type { Timeouts } from '../upstream/transport.ts';

export interface StorageConfig {
  /** Absolute. */
  readonly rootdirectory: string;
  /** Whether clients may remove what is cached, by DELETE. */
  readonly deleteEnabled: boolean;
  /** What everything that is cached may take; undefined for whatever {@link minfree} leaves. */
  readonly maxsize: SizeLimit | undefined;
  /** What stays free on the disk. */
  readonly minfree: SizeLimit;
  /** In how long everything is hashed once; 0 for never. */
  readonly scrubMs: number;
  /** For single upstreams and repositories. Those under `upstreams` come last. */
  readonly quotas: readonly Quota[];
}

/** All file names are absolute, and were readable when the configuration was loaded. */
export interface TlsConfig {
  readonly certificate: string;
  readonly key: string;
  /** When there are any, clients must show a certificate that one of them signed. */
  readonly clientcas: readonly string[];
  readonly minimumtls: 'TLSv1.2' | 'TLSv1.3';
  /** Cipher suites as OpenSSL and Node list them, those of TLS 1.3 included; undefined for Node's own choice. */
  readonly ciphers: string | undefined;
}

interface HttpConfig {
  readonly addr: ListenAddress;
  /** An address without logins beside {@link addr}, where clients log in; undefined for none. */
  readonly publicAddr: ListenAddress | undefined;
  /** Sent with every response, by name as configured. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly tls: TlsConfig | undefined;
  /** How long requests under way may go on after a stop signal; 0 cuts them at once. */
  readonly draintimeoutMs: number;
}

export interface UpstreamConfig {
  readonly name: UpstreamName;
  /** Scheme, host and port, no path; tried in order. */
  readonly urls: readonly [URL, ...URL[]];
  /** Undefined means anonymous. */
  readonly credentials: CredentialSource | undefined;
  /** Certificate authorities in PEM form, trusted besides the usual ones. */
  readonly ca: string | undefined;
  /** Whether certificates go unchecked. */
  readonly insecure: boolean;
  /** Undefined: asked directly. */
  readonly proxy: ProxySettings | undefined;
  /** Hosts with private addresses to which it may redirect. */
  readonly redirects: readonly string[];
  readonly freshness: FreshnessConfig;
  readonly pullAhead: PullAheadPolicy;
  readonly ranges: RangePolicy;
  /** Host names of this mirror that are bound to this upstream, lower-cased and without port. */
  readonly hosts: readonly string[];
  /** A listen address of this mirror that is bound to this upstream. */
  readonly listen: ListenAddress | undefined;
}

/** An existing token service, which the challenge points clients to. */
export interface TokenAuthConfig {
  readonly realm: URL;
  readonly service: string;
  readonly issuer: string;
  /** Absolute names of files that were readable when the configuration was loaded; at least one is given. */
  readonly keys: { readonly rootcertbundle: readonly string[]; readonly jwks: string | undefined };
  /** Names of JOSE algorithms; empty for all that are safe. */
  readonly signingalgorithms: readonly string[];
}

/** How clients authenticate; with nothing set, everyone is anonymous. */
export interface AuthConfig {
  /** `path` is absolute, and was readable when the configuration was loaded. */
  readonly htpasswd: { readonly realm: string; readonly path: string } | undefined;
  readonly token: TokenAuthConfig | undefined;
  /** Whether clients' own registry credentials are checked upstream. */
  readonly passthrough: boolean;
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
  readonly upstreams: readonly [UpstreamConfig, ...UpstreamConfig[]];
  /** The upstream that plain names mean; undefined when there is none. */
  readonly plain: UpstreamName | undefined;
  readonly auth: AuthConfig;
  readonly access: AccessRules;
  /** Patterns of images that are kept whatever happens, as configured. */
  readonly pins: readonly string[];
  /** How long content that nobody asks for is kept; 0 means for ever. */
  readonly ttlMs: number;
  /** Where the system keeps the authorities that its programs trust. */
  readonly systemStores: SystemStores;
  /** Limits on one upstream request. */
  readonly timeouts: Timeouts;
  /** Entries in one page of the catalog at most. */
  readonly catalogMaxEntries: number;
  /** Tags in one page of a list of tags at most; undefined for no limit. */
  readonly tagsMax: number | undefined;
}
