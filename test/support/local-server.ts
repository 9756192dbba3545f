import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export type LocalServer = HttpServer | HttpsServer;

/** Has a server listen at a loopback address; resolves to its host and port. */
export async function listen(server: LocalServer, host = '127.0.0.1'): Promise<string> {
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return `${host}:${port}`;
}

/** Ends a server and its connections; nothing, where that was done already. */
export async function close(server: LocalServer): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
