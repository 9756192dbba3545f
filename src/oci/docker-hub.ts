import type { UpstreamName } from './reference.ts';

/** Docker Hub, by the name that its users and clients give it. */
export const dockerHub = 'docker.io' as UpstreamName;

/** Every host name that stands for Docker Hub; its registry answers at the last one only. */
export const dockerHubHosts: ReadonlySet<string> = new Set([
  dockerHub,
  'index.docker.io',
  'registry-1.docker.io',
]);

/** The name by which a registry is known here: host names have no case, and Docker Hub has several. */
export function registryName(host: string): string {
  const name = host.toLowerCase();
  return dockerHubHosts.has(name) ? dockerHub : name;
}
