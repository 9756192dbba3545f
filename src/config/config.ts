import type { AuthenticationSettings } from '../http/auth/create-authentication.ts';
import type { ListenAddress } from '../http/server.ts';
import type { TlsFiles } from '../http/tls.ts';
import type { AccessRules } from '../mirror/access/policy.ts';
import type { FreshnessPolicy } from '../mirror/manifests/freshness.ts';
import type { PullAheadPolicy } from '../mirror/pull-ahead/policy.ts';
import type { RangePolicy } from '../mirror/fill/ranges/policy.ts';
import type { Quota } from '../cache/space/limits.ts';
import type { UpstreamName } from '../oci/reference.ts';
import type { LogOptions } from '../telemetry/log.ts';
import type { SystemStores } from '../upstream/authorities.ts';
import type { CredentialSource } from '../upstream/credentials/credential-source.ts';
import type { ProxySettings } from '../upstream/proxy-settings.ts';
import type { Timeouts } from '../upstream/transport.ts';
import type { FileValues } from './schema.ts';

export interface UpstreamConfig {
  readonly name: UpstreamName;
  /** Scheme, host and port, no path; tried in order. */
  readonly urls: readonly [URL, ...URL[]];
  /** Whether another mirror answers there, which has to be told whom it is asked for. */
  readonly throughMirror: boolean;
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
  readonly freshness: FreshnessPolicy;
  readonly pullAhead: PullAheadPolicy;
  readonly ranges: RangePolicy;
  /** What is taken from it at most, in bytes a second; undefined for no limit. */
  readonly maxRate: number | undefined;
  /** Host names of this mirror that are bound to this upstream, lower-cased and without port. */
  readonly hosts: readonly string[];
  /** A listen address of this mirror that is bound to this upstream. */
  readonly listen: ListenAddress | undefined;
}

/** What is warmed: `files` are absolute, and need not be there. */
export type WarmConfig = NonNullable<FileValues['warm']>;

/** How clients authenticate; with nothing set, everyone is anonymous. */
export type AuthConfig = Pick<AuthenticationSettings, 'htpasswd' | 'token' | 'passthrough'>;

/**
 * What the operator asked for, checked and complete, in bytes, milliseconds and objects; frozen. File names
 * are absolute, and the files were readable when it was loaded. It holds secrets: do not log it.
 */
export interface Config {
  readonly log: LogOptions;
  /** Quotas under `upstreams` come after those under `storage`. */
  readonly storage: Omit<FileValues['storage'], 'quotas'> & { readonly quotas: readonly Quota[] };
  readonly http: Omit<FileValues['http'], 'tls'> & { readonly tls: TlsFiles | undefined };
  readonly upstreams: readonly [UpstreamConfig, ...UpstreamConfig[]];
  /** What is taken from all upstreams together at most, in bytes a second; undefined for no limit. */
  readonly maxRate: number | undefined;
  /** Whether it starts offline: no upstream is asked. */
  readonly offline: boolean;
  /** The upstream that plain names mean; undefined when there is none. */
  readonly plain: UpstreamName | undefined;
  readonly auth: AuthConfig;
  readonly access: AccessRules;
  /** Patterns of images that are kept whatever happens, as configured. */
  readonly pins: readonly string[];
  /** What is warmed, and when; undefined for nothing. */
  readonly warm: WarmConfig | undefined;
  /** How long unused content is kept; 0 means for ever. */
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
