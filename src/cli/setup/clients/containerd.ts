import type { ClientVersion } from '../client-version.ts';
import { BlockEdit } from '../files/block-edit.ts';
import { EditConflict } from '../files/edit.ts';
import { lookUp, parseToml, type Table } from '../files/toml.ts';
import type { Guide } from '../guide.ts';
import type { MirrorAddress } from '../mirror-address.ts';
import { sampleImage } from './image-name.ts';
import { authorityFile } from './authority.ts';
import { hostsFile, hostsNote, type HostsClient } from './hosts-toml.ts';
import { certificateNote } from './notes.ts';

const certs = '/etc/containerd/certs.d';
const authority = '/etc/containerd/entrepot-ca.crt';

const imagesPlugin = 'io.containerd.cri.v1.images';

/** The plugin that pulls for Kubernetes, by version of the configuration file: containerd 1.x, 2.0 and 2.3. */
const plugins = new Map<unknown, string>([
  [2, 'io.containerd.grpc.v1.cri'],
  [3, imagesPlugin],
  [4, imagesPlugin],
]);
/** From this version on the folder is read where no other is named. */
const readingUnasked = 4;

export function containerd(mirror: MirrorAddress, version?: ClientVersion): Guide {
  const { origin, upstreams, login } = mirror;
  const client: HostsClient = { reader: 'containerd', version };
  return {
    files: [
      ...upstreams.map((upstream) => hostsFile(certs, upstream, mirror, authority, client)),
      ...authorityFile(mirror, authority),
      { path: '/etc/containerd/config.toml', edit: new BlockEdit(configPath) },
    ],
    snippets: [],
    after: [
      'systemctl restart containerd   # for config.toml only; hosts.toml is read at every pull',
      `crictl pull ${sampleImage(mirror)}`,
      `ctr images pull --hosts-dir ${certs} ${sampleImage(mirror)}`,
    ],
    decisions: [hostsNote(client)],
    notes: [
      'A config.toml of version 3 or 4 (containerd 2.x) has [plugins."io.containerd.cri.v1.images".registry] instead; --apply looks at the version. Where config_path is set to this folder already, or not set at all in containerd 2.2 and newer, nothing is needed.',
      'ctr and nerdctl do not read config.toml: nerdctl knows this folder, ctr wants --hosts-dir.',
      ...loginNotes(login, origin.url),
      ...certificateNote(mirror, `hosts.toml, as client = [["CERTIFICATE", "KEY"]] below the host`),
    ],
  };
}

/** How clients with a hosts.toml log in to the mirror. */
export function loginNotes(login: MirrorAddress['login'], url: string): readonly string[] {
  if (login === 'none') return [];
  return [
    `To log in to the mirror, add to each hosts.toml, and let only root read it:\n  [host."${url}".header]\n    authorization = "Basic BASE64-OF-USER:PASSWORD"`,
  ];
}

/** What makes the CRI plugin read the folder. The shown one is for both: containerd 2.x reads version 2 as well. */
function configPath(rest: string): string | undefined {
  const config = parseToml(rest);
  if (Object.keys(config).length === 0) return `version = 2\n\n${registryTable('io.containerd.grpc.v1.cri')}`;
  if (isDisabled(config)) return undefined;
  const version = lookUp(config, 'version');
  const plugin = plugins.get(version);
  if (plugin === undefined) {
    throw new EditConflict(
      typeof version === 'number' && version > readingUnasked
        ? `is of version ${version}, which is too new for this: see that config_path of its image plugin is "${certs}"`
        : 'is of an old version, without config_path: see "containerd config migrate"',
    );
  }
  const registry = lookUp(config, 'plugins', plugin, 'registry');
  const paths = lookUp(config, 'plugins', plugin, 'registry', 'config_path') ?? '';
  const mirrors = lookUp(config, 'plugins', plugin, 'registry', 'mirrors');
  if (version === readingUnasked && paths === '' && mirrors === undefined) return undefined;
  if (registry === undefined) return registryTable(plugin);
  if (typeof paths === 'string' && paths.split(':').includes(certs)) return undefined;
  throw new EditConflict(
    `has a [plugins."${plugin}".registry] already: set config_path = "${certs}" there by hand`,
  );
}

function registryTable(plugin: string): string {
  return `[plugins."${plugin}".registry]\n  config_path = "${certs}"\n`;
}

/** Docker's packages bring a configuration without the CRI plugin, which then needs none. */
function isDisabled(config: Table): boolean {
  const disabled: unknown = lookUp(config, 'disabled_plugins');
  const names = new Set<unknown>(['cri', ...plugins.values()]);
  return Array.isArray(disabled) && disabled.some((name: unknown) => names.has(name));
}
