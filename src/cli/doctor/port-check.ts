import { once } from 'node:events';
import { createServer } from 'node:net';
import type { ListenAddress } from '../../http/server.ts';
import { errnoOf } from '../../store/file-error.ts';
import { askHealth } from '../ask-health.ts';
import { ok, problem, type Check, type Finding } from './check.ts';
import { portOwner } from './port-owner.ts';

export interface Listening {
  readonly addr: ListenAddress;
  readonly secure: boolean;
}

/** Is the port free, or taken by the mirror itself? */
export class PortCheck implements Check {
  readonly name = 'port';
  readonly #wanted: readonly Listening[];

  constructor(wanted: readonly Listening[]) {
    this.#wanted = wanted;
  }

  async run(signal: AbortSignal): Promise<readonly Finding[]> {
    return Promise.all(this.#wanted.map((listening) => examinePort(listening, signal)));
  }
}

async function examinePort({ addr, secure }: Listening, signal: AbortSignal): Promise<Finding> {
  const { host, port } = addr;
  const where = `${port} on ${host ?? 'all interfaces'}`;
  const errno = await tryToListen(addr);
  switch (errno) {
    case undefined:
      return ok(port === 0 ? `any free one on ${host ?? 'all interfaces'}` : `${where} is free`);
    case 'EADDRINUSE':
      return examineOwner(where, addr, secure, signal);
    case 'EACCES':
      return problem(`${where} may not be opened by this user`, 'choose an http.addr with a port above 1023');
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return problem(`${host} is no address of this machine`, 'choose another http.addr');
    default:
      return problem(`${where} cannot be opened (${errno})`, 'choose another http.addr');
  }
}

async function examineOwner(
  where: string,
  addr: ListenAddress,
  secure: boolean,
  signal: AbortSignal,
): Promise<Finding> {
  const [health, owner] = await Promise.all([
    askHealth(addr, secure, signal).catch(() => undefined),
    portOwner(addr.port),
  ]);
  if (health?.isEntrepot === true) return ok(`${where}: Entrepot is running there`);
  return problem(
    `${where} is taken by ${owner ?? 'another program'}`,
    'stop it, or choose another http.addr',
  );
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
