import { writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../port.ts';
import type { Processes } from '../processes.ts';
import { RunningPeer, type Peer, type PeerSetting } from './peer.ts';

/**
 * A plain HTTP cache. The lock's limits, 5 seconds by default, are lifted: after them nginx lets every
 * waiting client through to upstream.
 */
function configuration({ folder, upstream, certificate, maxRate = 0 }: PeerSetting, port: number): string {
  const at = (name: string): string => JSON.stringify(join(folder, name));
  // Started as root, its workers become another user, who may not enter a temporary folder.
  const user = userInfo().uid === 0 ? 'user root;' : '';
  // Its own default of protocols ends with TLS 1.2; the others negotiate 1.3.
  const tls =
    certificate === undefined
      ? ''
      : `ssl_certificate ${JSON.stringify(certificate.certificate)};
    ssl_certificate_key ${JSON.stringify(certificate.key)};
    ssl_protocols TLSv1.2 TLSv1.3;`;
  return `
daemon off;
${user}
worker_processes auto;
pid ${at('nginx.pid')};
error_log ${at('nginx-error.log')};
events {}
http {
  access_log ${at('nginx-access.log')};
  sendfile on;
  tcp_nopush on;
  client_body_temp_path ${at('body')};
  proxy_temp_path ${at('proxy')};
  fastcgi_temp_path ${at('fastcgi')};
  uwsgi_temp_path ${at('uwsgi')};
  scgi_temp_path ${at('scgi')};
  proxy_cache_path ${at('cache')} levels=1:2 keys_zone=bench:10m inactive=1h use_temp_path=off;
  upstream registry { server ${upstream.host}; keepalive 16; }
  server {
    listen 127.0.0.1:${port}${tls === '' ? '' : ' ssl'};
    ${tls}
    location / {
      proxy_pass http://registry;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache bench;
      proxy_limit_rate ${maxRate};
      proxy_cache_valid 200 1h;
      proxy_cache_lock on;
      proxy_cache_lock_age 1h;
      proxy_cache_lock_timeout 1h;
    }
  }
}
`;
}

/**
 * Debian's nginx with `proxy_cache` and `proxy_cache_lock`: what caching costs without any notion of a
 * registry.
 */
export const nginx: Peer = {
  name: 'nginx',

  async version(processes: Processes): Promise<string> {
    return (await processes.output('nginx', ['-v'])).trim().split('/').at(-1) ?? '';
  },

  async start(setting: PeerSetting): Promise<RunningPeer> {
    const { processes, folder } = setting;
    const port = await freePort();
    const file = join(folder, 'nginx.conf');
    await writeFile(file, configuration(setting, port));
    const service = processes.serve('nginx', ['-c', file, '-p', folder], join(folder, 'nginx.log'));
    return RunningPeer.answering(port, service, setting);
  },
};
