import { isAbsolute } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';
import { z } from '../base/zod.ts';
import type { Quota } from '../cache/space/limits.ts';
import type { TlsFiles } from '../http/tls.ts';
import type { CredentialSource, HelperSource } from '../upstream/credentials/credential-source.ts';
import type { ProxySettings } from '../upstream/proxy-settings.ts';
import { helperLifetimeMs } from './account.ts';
import type { AuthConfig, Config, UpstreamConfig } from './config.ts';
import { fileSchema, type FileValues } from './schema.ts';
import type { GivenUpstream } from './upstream-schema.ts';

const mask = '********';

/** Every setting in force, defaults included, as a configuration file; secrets are masked. */
export function describeConfig(config: Config): string {
  const text = stringify(native(z.encode(fileSchema, valuesOf(config) as z.output<typeof fileSchema>)), {
    lineWidth: 0,
    version: '1.1',
    aliasDuplicateObjects: false,
  });
  return `${environmentComment(config)}${text}`;
}

/** The values of a file that loads to the same. */
function valuesOf(config: Config): FileValues {
  const { log, storage, http, upstreams, plain, auth, access, pins, ttlMs, timeouts } = config;
  const main = upstreams.find(({ name }) => name === plain);
  const asked = upstreams.find(({ throughMirror }) => throughMirror);
  return {
    version: '0.1',
    log,
    offline: config.offline,
    storage: { ...storage, quotas: storage.quotas.map(describeQuota) },
    http: { ...http, tls: http.tls && describeTls(http.tls) },
    proxy: {
      // Beside a mirror there is none.
      remoteurl: asked === undefined && main ? { name: main.name, url: main.urls[0] } : undefined,
      mirror: asked && describeParentMirror(asked),
      exec: main?.credentials && describeExec(main.credentials),
      ttl: ttlMs,
      maxrate: config.maxRate,
      freshness: {},
      pullahead: {},
      ranges: {},
      timeouts,
    },
    pin: pins,
    warm: config.warm,
    upstreams: Object.fromEntries(upstreams.map((upstream) => [upstream.name, describeUpstream(upstream)])),
    auth: describeAuth(auth),
    access,
    catalog: { maxentries: config.catalogMaxEntries },
    tags: { maxtags: config.tagsMax },
  };
}

/** Numbers and booleans as such, and no empty sections: it reads better and loads to the same. */
function native(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(native);
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([key, member]) => [key, native(member)] as const);
    return Object.fromEntries(
      members.filter(([, member]) => member !== undefined && !isDeepStrictEqual(member, {})),
    );
  }
  if (value === 'true' || value === 'false') return value === 'true';
  const number = typeof value === 'string' ? Number(value) : Number.NaN;
  return Number.isFinite(number) && String(number) === value ? number : value;
}

/** For the proxies of the environment, which no single key can express. */
function environmentComment({ upstreams }: Config): string {
  const proxy = upstreams.find(
    (upstream) => upstream.proxy && describeProxy(upstream.proxy) === undefined,
  )?.proxy;
  if (proxy === undefined) return '';
  const { http, https, noProxy } = proxy;
  const variables = [
    http === undefined ? '' : `HTTP_PROXY=${maskedUrl(http)}`,
    https === undefined ? '' : `HTTPS_PROXY=${maskedUrl(https)}`,
    noProxy === '' ? '' : `NO_PROXY=${noProxy.replaceAll(/\s+/g, ' ')}`,
  ];
  return `# From the environment: ${variables.filter((variable) => variable !== '').join(' ')}\n`;
}

function describeQuota(quota: Quota): FileValues['storage']['quotas'][number] {
  return { match: 'upstream' in quota ? quota.upstream : quota.match, size: quota.bytes };
}

function describeTls({ ciphers: ciphersuites, ...rest }: TlsFiles): FileValues['http']['tls'] {
  return { ...rest, ciphersuites };
}

function describeAuth({ htpasswd, token, passthrough }: AuthConfig): FileValues['auth'] {
  if (token === undefined) return { htpasswd, passthrough };
  const { keys, realm, ...rest } = token;
  return { htpasswd, token: { ...rest, ...keys, realm: realm.href }, passthrough };
}

function describeUpstream(upstream: UpstreamConfig): GivenUpstream {
  const { throughMirror, proxy, pullAhead, freshness, hosts, listen, maxRate, ranges, redirects } = upstream;
  return {
    ...(throughMirror ? { insecure: false } : describeClient(upstream)),
    url: throughMirror ? undefined : upstream.urls.map((url) => ({ name: upstream.name, url })),
    proxy: describeProxy(proxy),
    pullahead: pullAhead,
    maxrate: maxRate,
    freshness,
    hosts,
    listen,
    ranges,
    redirects,
  };
}

/** The mirror that an upstream is asked through. */
function describeParentMirror(upstream: UpstreamConfig): FileValues['proxy']['mirror'] {
  return { url: { name: upstream.name, url: upstream.urls[0] }, ...describeClient(upstream) };
}

function describeClient({ credentials, ca, insecure }: UpstreamConfig) {
  return {
    ...(credentials && describeCredentials(credentials)),
    ca: ca === undefined ? undefined : [ca],
    insecure,
  };
}

/** A helper's settings as `proxy.exec`; undefined for other credentials. */
function describeExec(source: CredentialSource): FileValues['proxy']['exec'] {
  if (source.kind !== 'helper' || isNamed(source)) return undefined;
  const { program, lifetimeMs } = source;
  return { command: program, lifetime: Number.isFinite(lifetimeMs) ? lifetimeMs : undefined };
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

/** With its password, if it has one, masked. */
function maskedUrl(url: URL): string {
  const masked = new URL(url);
  if (masked.password !== '') masked.password = mask;
  return masked.href.replace(/\/$/, '');
}
