import { isAbsolute } from 'node:path';
import { formatByteSize } from '../base/byte-size.ts';
import { formatDuration } from '../base/go-duration.ts';
import type { CredentialSource, HelperSource } from '../upstream/credentials/credential-source.ts';
import type { ProxySettings } from '../upstream/proxy-settings.ts';
import { helperLifetimeMs } from './account.ts';
import { addressText } from './address-text.ts';
import type { FreshnessConfig, UpstreamConfig } from './config.ts';

const mask = '********';

/** An upstream's settings, as its section in a configuration file; secrets are masked. */
export function describeUpstream(upstream: UpstreamConfig) {
  const { urls, credentials, ca, insecure, proxy, redirects, freshness, pullAhead, ranges, hosts, listen } =
    upstream;
  return {
    url: urls.length === 1 ? urls[0].origin : urls.map(({ origin }) => origin),
    ...(credentials === undefined ? undefined : describeCredentials(credentials)),
    ca,
    insecure,
    proxy: describeProxy(proxy),
    redirects,
    freshness: describeFreshness(freshness),
    pullahead: pullAhead,
    ranges: { connections: ranges.connections, minsize: formatByteSize(ranges.minBytes) },
    hosts,
    listen: listen === undefined ? undefined : addressText(listen),
  };
}

/** A helper's settings as `proxy.exec`; undefined for other credentials. */
export function describeExec(source: CredentialSource) {
  if (source.kind !== 'helper' || isNamed(source)) return undefined;
  const { program, lifetimeMs } = source;
  return { command: program, lifetime: Number.isFinite(lifetimeMs) ? formatDuration(lifetimeMs) : undefined };
}

/** With its password, if it has one, masked. */
export function maskedUrl(url: URL): string {
  const masked = new URL(url);
  if (masked.password !== '') masked.password = mask;
  return masked.href.replace(/\/$/, '');
}

function describeCredentials(source: CredentialSource) {
  switch (source.kind) {
    case 'static':
      return { username: source.username, password: mask };
    case 'docker-config':
      return { credentials: 'docker-config' };
    case 'helper':
      return isNamed(source)
        ? { credentials: `helper:${source.program.replace(/^docker-credential-/, '')}` }
        : undefined;
  }
}

/** Whether `helper:NAME` is all there is to say; only `proxy.exec` says more. */
function isNamed({ program, lifetimeMs }: HelperSource): boolean {
  return lifetimeMs === helperLifetimeMs && (isAbsolute(program) || program.startsWith('docker-credential-'));
}

/** Undefined for what only the environment can say. */
function describeProxy(proxy: ProxySettings | undefined): string | undefined {
  if (proxy === undefined) return 'none';
  const { http, https, noProxy, forLoopback } = proxy;
  const isOwn = forLoopback && http !== undefined && http.href === https?.href && noProxy === '';
  return isOwn ? maskedUrl(http) : undefined;
}

function describeFreshness({ tagMs, gone, rules }: FreshnessConfig) {
  return {
    default: formatDuration(tagMs),
    gone,
    rules: rules.map(({ match, maxAgeMs }) => ({ match, maxage: formatDuration(maxAgeMs) })),
  };
}
