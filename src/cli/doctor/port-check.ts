import { once } from 'node:events';
import { createServer } from 'node:net';
import type { ListenAddress } from '../../http/server.ts';
import { errnoOf } from '../../store/file-error.ts';
import { askHealth } from '../ask-health.ts';
import { ok, problem, type Finding } from './check.ts';
import { portOwner } from './port-owner.ts';

export interface Listening {
  /** The key of the configuration that names it. */
  readonly key: string;
  readonly addr: ListenAddress;
  readonly secure: boolean;
  /** Whether clients must show a certificate there. */
  readonly wantsCertificate: boolean;
}

/** Are the ports free, or taken by the mirror itself? */
export async function checkPorts(
  wanted: readonly Listening[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  return Promise.all(wanted.map((listening) => checkPort(listening, signal)));
}

async function checkPort(listening: Listening, signal: AbortSignal): Promise<Finding> {
  const { key, addr } = listening;
  const { host, port } = addr;
  const where = `${port} on ${host ?? 'all interfaces'}`;
  const errno = await tryToListen(addr);
  switch (errno) {
    case undefined:
      return ok(port === 0 ? `any free one on ${host ?? 'all interfaces'}` : `${where} is free`);
    case 'EADDRINUSE':
      return checkOwner(where, listening, signal);
    case 'EACCES':
      return problem(`${where} may not be opened by this user`, `choose a port above 1023 for ${key}`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return problem(`${host} is not an address of this machine`, `choose another ${key}`);
    default:
      return problem(`${where} cannot be opened (${errno})`, `choose another ${key}`);
  }
}

async function checkOwner(
  where: string,
  { key, addr, secure, wantsCertificate }: Listening,
  signal: AbortSignal,
): Promise<Finding> {
  const [health, owner] = await Promise.all([
    askHealth(addr, secure, signal).catch(() => undefined),
    portOwner(addr.port),
  ]);
  if (health?.isEntrepot === true) return ok(`${where}: Entrepot is running there`);
  if (wantsCertificate && health?.wantsCertificate === true) {
    return ok(`${where}: a server is running there that asks for client certificates, as this one would`);
  }
  return problem(`${where} is taken by ${owner ?? 'another program'}`, `stop it, or choose another ${key}`);
}

/** The error's name, or undefined when the address could be listened on. */
async function tryToListen({ host, port }: ListenAddress): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen({ port, ...(host === undefined ? undefined : { host }), exclusive: true });
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return undefined;
  } catch (error) {
    return errnoOf(error) ?? 'unknown error';
  }
}
