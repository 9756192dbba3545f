import type { Socket } from 'node:net';

/** A client's address; one of IPv4 as such, also where one socket serves both. Undefined once the connection is gone. */
export function clientAddress({ remoteAddress }: Pick<Socket, 'remoteAddress'>): string | undefined {
  return remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '');
}
