import { hasAccounts } from '../config/access.ts';
import type { Config, UpstreamConfig } from '../config/config.ts';
import { defaultUrl } from '../config/registry-url.ts';
import { dockerHub } from '../oci/docker-hub.ts';
import { clientOrigin, ownAddress } from './client-origin.ts';

/** What Docker's daemon.json needs for a mirror. */
interface DaemonJson {
  readonly 'registry-mirrors'?: readonly string[];
  readonly 'insecure-registries'?: readonly string[];
}

/** A listen address, or a host name of the mirror, that is bound to one upstream. */
interface OwnAddress {
  readonly upstream: string;
  /** An origin that clients can use. */
  readonly address: string;
}

/** What a running Entrepot tells the operator. */
interface StartSummary {
  /** Origins that clients can use for every upstream. */
  readonly addresses: readonly string[];
  /** An additional origin without logins, which serves public content only. */
  readonly publicAddress: string | undefined;
  readonly bound: readonly OwnAddress[];
  readonly storage: string;
  /** Their names, the one that plain names mean first, each with what is special about it. */
  readonly upstreams: readonly string[];
  /** Whether no upstream is asked. */
  readonly offline: boolean;
  /** Where clients log in, as Docker names it; undefined where they cannot. */
  readonly login: string | undefined;
  /** An example for images that Docker does not pull from a mirror automatically; undefined for none. */
  readonly pull: string | undefined;
  readonly daemonJson: DaemonJson;
}

/** Origins as bound; those of all interfaces are replaced by an address of this machine's. */
export interface Listening {
  readonly addresses: readonly string[];
  readonly publicAddress?: string | undefined;
  readonly bound: readonly OwnAddress[];
}

const lineLength = 110;
const indent = ' '.repeat(16);

export function summarize(config: Config, listening: Listening, machine = ownAddress()): StartSummary {
  const addresses = listening.addresses.map((origin) => clientOrigin(origin, machine));
  const publicAddress =
    listening.publicAddress === undefined ? undefined : clientOrigin(listening.publicAddress, machine);
  const [main = ''] = addresses;
  const bound = [
    ...listening.bound.map(({ upstream, address }) => ({
      upstream,
      address: clientOrigin(address, machine),
    })),
    ...config.upstreams.flatMap(({ name, hosts }) =>
      hosts.map((host) => ({ upstream: name, address: withHost(main, host) })),
    ),
  ];
  const forHub = hubMirrors(config, { addresses, publicAddress, bound });
  const insecure = [
    ...addresses,
    ...(publicAddress === undefined ? [] : [publicAddress]),
    ...originsOf(bound, dockerHub),
  ]
    .filter((origin) => origin.startsWith('http:'))
    .map(hostPort);
  return {
    addresses,
    publicAddress,
    bound,
    storage: config.storage.rootdirectory,
    upstreams: config.upstreams.map((upstream) => describe(upstream, config)),
    offline: config.offline,
    login: hasAccounts(config.auth) ? hostPort(main) : undefined,
    pull: pullExample(config, hostPort(publicAddress ?? main)),
    daemonJson: {
      // dockerd asks its mirrors for Docker Hub's images only.
      ...(forHub.length === 0 ? undefined : { 'registry-mirrors': forHub }),
      ...(insecure.length === 0 ? undefined : { 'insecure-registries': [...new Set(insecure)] }),
    },
  };
}

/** A few lines for people. */
export function startMessage({
  addresses,
  publicAddress,
  bound,
  storage,
  upstreams,
  offline,
  login,
  pull,
  daemonJson,
}: StartSummary): string {
  const lines = [
    'Entrepot is ready.',
    `  listening on  ${addresses.join(', ')}`,
    ...(publicAddress === undefined ? [] : [`${indent}${publicAddress} without logins, for what is public`]),
    ...bound.map(({ upstream, address }) => `${indent}${address} for ${upstream} alone`),
    `  mirroring     ${wrapped(upstreams)}`,
    ...(offline ? ['  offline       no registry is asked; "entrepot offline off" ends it'] : []),
    `  storing in    ${storage}`,
  ];
  if (login !== undefined) lines.push(`  log in with   docker login ${login}`);
  if (pull !== undefined) lines.push(`  pull with     docker pull ${pull}`);
  if (Object.keys(daemonJson).length > 0) {
    lines.push(
      'For Docker, put this into /etc/docker/daemon.json and restart it:',
      `  ${JSON.stringify(daemonJson)}`,
    );
  }
  lines.push('For other clients, see what "entrepot setup" prints.');
  return `${lines.join('\n')}\n`;
}

/** Where dockerd, which logs in to no mirror, gets images of Docker Hub by their plain names. */
function hubMirrors(
  { plain, access, upstreams }: Config,
  { addresses, publicAddress, bound }: Pick<StartSummary, 'addresses' | 'publicAddress' | 'bound'>,
): readonly string[] {
  if (access.anonymous === 'deny') return [];
  if (publicAddress === undefined) return plain === dockerHub ? addresses : originsOf(bound, dockerHub);
  if (plain === dockerHub) return [publicAddress];
  const hosts = upstreams.find(({ name }) => name === dockerHub)?.hosts ?? [];
  return hosts.map((host) => withHost(publicAddress, host));
}

function describe({ name, urls, credentials }: UpstreamConfig, { plain, upstreams }: Config): string {
  const origins = urls.map(({ origin }) => origin).join(', ');
  const notes = [
    name === plain && upstreams.length > 1 ? 'plain names' : '',
    origins === defaultUrl(name).origin ? '' : `at ${origins}`,
    credentials === undefined ? '' : 'with an account',
  ].filter((note) => note !== '');
  return notes.length === 0 ? name : `${name} (${notes.join(', ')})`;
}

function pullExample({ plain, access, upstreams }: Config, mirror: string): string | undefined {
  if (plain !== undefined && plain !== dockerHub) return `${mirror}/NAME:TAG`;
  // A port cannot stand within an image's name.
  const other = upstreams.find(({ name }) => name !== plain && !name.includes(':'));
  if (other !== undefined) return `${mirror}/${other.name}/NAME:TAG`;
  // dockerd logs in to no mirror: where a login is required, it pulls nothing automatically.
  return plain === dockerHub && access.anonymous === 'deny' ? `${mirror}/NAME:TAG` : undefined;
}

function wrapped(items: readonly string[]): string {
  const lines: string[] = [];
  for (const item of items) {
    const line = lines.at(-1);
    if (line !== undefined && indent.length + line.length + item.length < lineLength) {
      lines[lines.length - 1] = `${line}, ${item}`;
    } else {
      lines.push(item);
    }
  }
  return lines.join(`,\n${indent}`);
}

function originsOf(bound: readonly OwnAddress[], name: string): readonly string[] {
  return bound.filter(({ upstream }) => upstream === name).map(({ address }) => address);
}

/** `origin` under another name of the same machine. */
function withHost(origin: string, host: string): string {
  return origin.replace(/^(https?:\/\/)(?:\[[^\]]*\]|[^:]*)/, `$1${host}`);
}

/** Unlike a URL's host, with the port even when it is the scheme's own. */
function hostPort(origin: string): string {
  return origin.replace(/^https?:\/\//, '');
}
