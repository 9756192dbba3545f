import type { Config } from '../config/config.ts';
import { dockerHub } from '../oci/docker-hub.ts';
import { clientOrigin, ownAddress } from './client-origin.ts';

/** What Docker's daemon.json needs for a mirror. */
export interface DaemonJson {
  readonly 'registry-mirrors'?: readonly string[];
  readonly 'insecure-registries'?: readonly string[];
}

/** What a running Entrepot tells whoever started it. */
export interface StartSummary {
  /** Origins that clients can use. */
  readonly addresses: readonly string[];
  readonly storage: string;
  readonly upstream: string;
  readonly daemonJson: DaemonJson;
}

/** @param listening origins as bound; one of all interfaces is replaced by an address of this machine's */
export function summarize(
  config: Config,
  listening: readonly string[],
  machine = ownAddress(),
): StartSummary {
  const [upstream] = config.upstreams;
  const addresses = listening.map((origin) => clientOrigin(origin, machine));
  const insecure = addresses.filter((origin) => origin.startsWith('http:')).map(hostPort);
  return {
    addresses,
    storage: config.storage.rootdirectory,
    upstream: `${upstream.name} (${upstream.urls[0].origin}${upstream.credentials === undefined ? ', anonymous' : ''})`,
    daemonJson: {
      // dockerd asks its mirrors for Docker Hub's images only.
      ...(upstream.name === dockerHub ? { 'registry-mirrors': addresses } : undefined),
      ...(insecure.length === 0 ? undefined : { 'insecure-registries': insecure }),
    },
  };
}

/** A few lines for people. */
export function startMessage({ addresses, storage, upstream, daemonJson }: StartSummary): string {
  const lines = [
    'Entrepot is ready.',
    `  listening on  ${addresses.join(', ')}`,
    `  mirroring     ${upstream}`,
    `  storing in    ${storage}`,
  ];
  if (daemonJson['registry-mirrors'] === undefined) {
    lines.push(`  pull with     docker pull ${hostPort(addresses[0] ?? '')}/NAME:TAG`);
  }
  if (Object.keys(daemonJson).length > 0) {
    lines.push(
      'For Docker, put this into /etc/docker/daemon.json and restart it:',
      `  ${JSON.stringify(daemonJson)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Unlike a URL's host, with the port even when it is the scheme's own. */
function hostPort(origin: string): string {
  return origin.replace(/^https?:\/\//, '');
}
