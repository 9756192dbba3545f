import { isAtLeast, type ClientVersion } from '../client-version.ts';
import type { LocalFile } from '../files/local-file.ts';
import type { MirrorAddress, MirroredUpstream } from '../mirror-address.ts';

/** The client that reads a `hosts.toml`. */
type HostsReader = 'containerd' | 'Docker';

/**
 * From when on they know the capability `referrers`, and ask hosts without it for no referrers; Docker 29.1
 * is the first that is built with containerd 2.2. Older ones pass over the whole file for a word that they do
 * not know, with a line in their log.
 * @see https://github.com/containerd/containerd/blob/v2.2.0/core/remotes/docker/config/hosts.go
 */
const knowingReferrers: Readonly<Record<HostsReader, ClientVersion>> = {
  containerd: { major: 2, minor: 2 },
  Docker: { major: 29, minor: 1 },
};

/** Who reads the file. */
export interface HostsClient {
  readonly reader: HostsReader;
  /** Undefined: not known, which counts as old, since every version understands the file then. */
  readonly version: ClientVersion | undefined;
}

/**
 * containerd's `hosts.toml` for one registry. containerd tells mirrors by `?ns=` which registry is meant.
 * @see https://github.com/containerd/containerd/blob/main/docs/hosts.md
 *
 * @param authority path of the certificate authority, used when the mirror needs one
 */
export function hostsToml(
  { server }: MirroredUpstream,
  { origin, ca }: MirrorAddress,
  authority: string,
  client: HostsClient,
): string {
  return [
    `server = "${server}"`,
    '',
    `[host."${origin.url}"]`,
    `  capabilities = [${capabilities(client)}]`,
    ...(ca === undefined ? [] : [`  ca = "${authority}"`]),
    '',
  ].join('\n');
}

/** @param folder has a folder for each registry */
export function hostsFile(
  folder: string,
  upstream: MirroredUpstream,
  mirror: MirrorAddress,
  authority: string,
  client: HostsClient,
): LocalFile {
  return {
    path: `${folder}/${upstream.name}/hosts.toml`,
    kind: 'block',
    text: hostsToml(upstream, mirror, authority, client),
  };
}

/** What one should know about the version that the files are for. */
export function hostsNote({ reader, version }: HostsClient): string {
  const { major, minor } = knowingReferrers[reader];
  const first = `${reader} ${major}.${minor}`;
  if (version === undefined) {
    return `The hosts.toml files are for every version of ${reader}. For ${first} and newer say --client-version: without the capability "referrers" these ask the registry itself for what belongs to an image, and fail where they cannot reach it.`;
  }
  return knowsReferrers({ reader, version })
    ? `The hosts.toml files are for ${first} and newer: an older one passes over them because of "referrers", and asks the registry itself. Set it up again before going back to such a version.`
    : `The hosts.toml files lack the capability "referrers", which ${reader} ${version.major}.${version.minor} does not know. Set it up again after an update to ${first} or newer.`;
}

function capabilities(client: HostsClient): string {
  const known = ['pull', 'resolve', ...(knowsReferrers(client) ? ['referrers'] : [])];
  return known.map((capability) => `"${capability}"`).join(', ');
}

function knowsReferrers({ reader, version }: HostsClient): boolean {
  return version !== undefined && isAtLeast(version, knowingReferrers[reader]);
}
