import type { Socket } from 'node:net';

/** A client's address, IPv4 as such also on a socket for both. Undefined once the connection is closed. */
export function clientAddress({ remoteAddress }: Pick<Socket, 'remoteAddress'>): string | undefined {
  return remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '');
}
