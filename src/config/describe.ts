import { stringify } from 'yaml';
import { formatDuration } from '../go-duration.ts';
import type { ListenAddress } from '../http/server.ts';
import type { Config } from './config.ts';

/** Every setting in force, defaults included, as a configuration file; secrets are masked. */
export function describeConfig({
  log,
  storage,
  http,
  upstreams: [upstream],
  ttlMs,
  timeouts,
}: Config): string {
  const { credentials, freshness } = upstream;
  return stringify(
    {
      version: 0.1,
      log,
      storage: {
        filesystem: { rootdirectory: storage.rootdirectory },
        delete: { enabled: storage.deleteEnabled },
      },
      http: {
        addr: addressText(http.addr),
        headers: http.headers,
        draintimeout: formatDuration(http.draintimeoutMs),
        ...(http.tls === undefined
          ? undefined
          : {
              tls: {
                certificate: http.tls.certificate,
                key: http.tls.key,
                clientcas: http.tls.clientcas,
                minimumtls: http.tls.minimumtls === 'TLSv1.3' ? 'tls1.3' : 'tls1.2',
              },
            }),
      },
      proxy: {
        remoteurl: upstream.urls[0].origin,
        ...(credentials?.kind !== 'static'
          ? undefined
          : { username: credentials.username, password: '********' }),
        ttl: formatDuration(ttlMs),
        freshness: {
          default: formatDuration(freshness.tagMs),
          gone: freshness.gone,
          rules: freshness.rules.map(({ match, maxAgeMs }) => ({ match, maxage: formatDuration(maxAgeMs) })),
        },
        timeouts: {
          connect: formatDuration(timeouts.connectMs),
          header: formatDuration(timeouts.headerMs),
          idle: formatDuration(timeouts.idleMs),
        },
      },
    },
    { lineWidth: 0, version: '1.1' },
  );
}

function addressText({ host = '', port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
