import { BlockEdit } from '../files/block-edit.ts';
import { alone } from '../files/toml.ts';
import type { LocalFile } from '../guide.ts';
import type { MirrorAddress, MirroredUpstream } from '../mirror-address.ts';

/**
 * containerd's `hosts.toml` for one registry. The mirror learns from `?ns=` which registry is meant, as containerd sends it
 * to every host that is not the registry itself. See https://github.com/containerd/containerd/blob/main/docs/hosts.md
 *
 * @param authority path of the certificate authority, used when the mirror needs one
 */
export function hostsToml(
  { server }: MirroredUpstream,
  { origin, ca }: MirrorAddress,
  authority: string,
): string {
  return [
    `server = "${server}"`,
    '',
    `[host."${origin.url}"]`,
    '  capabilities = ["pull", "resolve"]',
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
): LocalFile {
  return {
    path: `${folder}/${upstream.name}/hosts.toml`,
    edit: new BlockEdit(alone(hostsToml(upstream, mirror, authority))),
  };
}
