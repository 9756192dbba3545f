import type { ListenAddress } from '../http/server.ts';

/** As `http.addr` is written. */
export function addressText({ host = '', port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
