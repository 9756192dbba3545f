import { stringify } from 'yaml';
import { formatByteSize } from '../base/byte-size.ts';
import { formatDuration } from '../base/go-duration.ts';
import type { SizeLimit } from '../cache/space/limits.ts';
import { addressText } from './address-text.ts';
import { suitesOf } from './ciphers.ts';
import type { AuthConfig, Config, StorageConfig, TlsConfig } from './config.ts';
import { describeExec, describeUpstream, maskedUrl } from './describe-upstream.ts';

/** Every setting in force, defaults included, as a configuration file; secrets are masked. */
export function describeConfig(config: Config): string {
  const { log, storage, http, upstreams, plain, ttlMs, timeouts, catalogMaxEntries, tagsMax } = config;
  const main = upstreams.find(({ name }) => name === plain);
  const text = stringify(
    {
      version: 0.1,
      log,
      storage: {
        filesystem: { rootdirectory: storage.rootdirectory },
        delete: { enabled: storage.deleteEnabled },
        ...describeSpace(storage),
      },
      http: {
        addr: addressText(http.addr),
        public: http.publicAddr && { addr: addressText(http.publicAddr) },
        headers: http.headers,
        draintimeout: formatDuration(http.draintimeoutMs),
        tls: http.tls && describeTls(http.tls),
      },
      proxy: {
        remoteurl: main?.urls[0].origin,
        exec: main?.credentials && describeExec(main.credentials),
        ttl: formatDuration(ttlMs),
        timeouts: {
          connect: formatDuration(timeouts.connectMs),
          header: formatDuration(timeouts.headerMs),
          idle: formatDuration(timeouts.idleMs),
        },
      },
      pin: config.pins,
      upstreams: Object.fromEntries(upstreams.map((upstream) => [upstream.name, describeUpstream(upstream)])),
      auth: describeAuth(config.auth),
      access: config.access,
      catalog: { maxentries: catalogMaxEntries },
      tags: tagsMax === undefined ? undefined : { maxtags: tagsMax },
    },
    { lineWidth: 0, version: '1.1', aliasDuplicateObjects: false },
  );
  return `${environmentComment(config)}${text}`;
}

/** For the proxies of the environment, which no single key can express. */
function environmentComment({ upstreams }: Config): string {
  const proxy = upstreams.find((upstream) => describeUpstream(upstream).proxy === undefined)?.proxy;
  if (proxy === undefined) return '';
  const { http, https, noProxy } = proxy;
  const words = [
    http === undefined ? '' : `HTTP_PROXY=${maskedUrl(http)}`,
    https === undefined ? '' : `HTTPS_PROXY=${maskedUrl(https)}`,
    noProxy === '' ? '' : `NO_PROXY=${noProxy.replaceAll(/\s+/g, ' ')}`,
  ];
  return `# From the environment: ${words.filter((word) => word !== '').join(' ')}\n`;
}

function describeSpace({ maxsize, minfree, scrubMs, quotas }: StorageConfig): object {
  return {
    maxsize: maxsize && describeLimit(maxsize),
    minfree: describeLimit(minfree),
    scrub: formatDuration(scrubMs),
    quotas: quotas.map((quota) => ({
      match: 'upstream' in quota ? quota.upstream : quota.match,
      size: formatByteSize(quota.bytes),
    })),
  };
}

function describeLimit(limit: SizeLimit): string {
  return 'bytes' in limit ? formatByteSize(limit.bytes) : `${limit.percent}%`;
}

function describeTls({ certificate, key, clientcas, minimumtls, ciphers }: TlsConfig): object {
  return {
    certificate,
    key,
    clientcas,
    minimumtls: minimumtls === 'TLSv1.3' ? 'tls1.3' : 'tls1.2',
    ciphersuites: ciphers === undefined ? undefined : suitesOf(ciphers),
  };
}

function describeAuth({ htpasswd, token, passthrough }: AuthConfig): object {
  return {
    htpasswd,
    token:
      token === undefined
        ? undefined
        : {
            realm: token.realm.href,
            service: token.service,
            issuer: token.issuer,
            ...token.keys,
            signingalgorithms: token.signingalgorithms,
          },
    passthrough,
  };
}
