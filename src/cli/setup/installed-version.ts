import { execFile } from 'node:child_process';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type { ClientName } from './client-names.ts';
import { parseClientVersion, type ClientVersion } from './client-version.ts';

/** How long a daemon or a program may take to say its version, in milliseconds. */
const limitMs = 3_000;

/** The version of a client on this machine; undefined where that cannot be told. */
export type InstalledVersion = (client: ClientName) => Promise<ClientVersion | undefined>;

/** @param socket of dockerd: what runs is asked first, since it may be older than what is installed */
export function installedVersions(socket = '/var/run/docker.sock'): InstalledVersion {
  return async (client) => {
    if (client === 'docker') return (await runningDocker(socket)) ?? (await printedVersion('dockerd'));
    return client === 'containerd' ? printedVersion('containerd') : undefined;
  };
}

/** See https://docs.docker.com/reference/api/engine/ "GET /version" */
async function runningDocker(socketPath: string): Promise<ClientVersion | undefined> {
  try {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const signal = AbortSignal.timeout(limitMs);
    request({ socketPath, path: '/version', signal })
      .on('response', (response) => void text(response).then(resolve, reject))
      .on('error', reject)
      .end();
    const said: unknown = JSON.parse(await promise);
    if (typeof said !== 'object' || said === null || !('Version' in said)) return undefined;
    return typeof said.Version === 'string' ? parseClientVersion(said.Version) : undefined;
  } catch {
    return undefined;
  }
}

async function printedVersion(program: string): Promise<ClientVersion | undefined> {
  try {
    const { stdout } = await promisify(execFile)(program, ['--version'], { timeout: limitMs });
    return parseClientVersion(stdout);
  } catch {
    return undefined;
  }
}
