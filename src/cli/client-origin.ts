import { hostname, networkInterfaces } from 'node:os';

/**
 * The origin under which clients reach a listener.
 *
 * @param origin as bound; one of all interfaces is replaced by an address of this machine's
 */
export function clientOrigin(origin: string, machine = ownAddress()): string {
  const url = new URL(origin);
  if (url.hostname === '[::]' || url.hostname === '0.0.0.0') url.hostname = machine;
  // An origin drops the scheme's own port, which Docker's lists want to see.
  return `${url.protocol}//${url.hostname}:${url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port}`;
}

/** An address at which other machines are likely to reach this one. */
export function ownAddress(): string {
  const external = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal);
  return external?.address ?? hostname();
}
