import { parse } from 'smol-toml';
import { z } from '../../../base/zod.ts';
import type { ClientVersion } from '../client-version.ts';
import { FileConflict } from '../files/edited.ts';
import type { Guide } from '../guide.ts';
import type { MirrorAddress } from '../mirror-address.ts';
import { authorityFile } from './authority.ts';
import { hostsFile, hostsNote, type HostsClient } from './hosts-toml.ts';
import { sampleImage } from './image-name.ts';
import { certificateNote } from './notes.ts';

const certs = '/etc/containerd/certs.d';
const authority = '/etc/containerd/entrepot-ca.crt';

const criPlugin = 'io.containerd.grpc.v1.cri';
const imagesPlugin = 'io.containerd.cri.v1.images';

/** Makes containerd 1.x read the folder, and 2.x with a configuration of version 2. */
export const registryTable = `[plugins."${criPlugin}".registry]\n  config_path = "${certs}"\n`;

/** The plugin that pulls for Kubernetes, by version of config.toml: containerd 1.x, 2.0 and 2.3. */
const plugins = new Map<unknown, string>([
  [2, criPlugin],
  [3, imagesPlugin],
  [4, imagesPlugin],
]);
/** From this version on the folder is read where no other is named. */
const readByDefault = 4;

export function containerd(mirror: MirrorAddress, version?: ClientVersion): Guide {
  const { origin, upstreams, login } = mirror;
  const client: HostsClient = { reader: 'containerd', version };
  return {
    files: [
      ...upstreams.map((upstream) => hostsFile(certs, upstream, mirror, authority, client)),
      ...authorityFile(mirror, authority),
      {
        path: '/etc/containerd/config.toml',
        kind: 'block',
        text: `version = 2\n\n${registryTable}`,
        byHand: configPathByHand,
      },
    ],
    commands: [
      'systemctl restart containerd   # for config.toml only; hosts.toml is read at every pull',
      `crictl pull ${sampleImage(mirror)}`,
      `ctr images pull --hosts-dir ${certs} ${sampleImage(mirror)}`,
    ],
    decision: hostsNote(client),
    notes: [
      'A config.toml of version 3 or 4 (containerd 2.x) has [plugins."io.containerd.cri.v1.images".registry] instead. Where config_path is set to this folder already, or not set at all in containerd 2.2 and newer, nothing is needed.',
      'ctr and nerdctl do not read config.toml: nerdctl knows this folder, ctr wants --hosts-dir.',
      loginNote(login, origin.url),
      certificateNote(mirror, `hosts.toml, as client = [["CERTIFICATE", "KEY"]] below the host`),
    ],
  };
}

/** How clients with a hosts.toml log in to the mirror. */
export function loginNote(login: MirrorAddress['login'], url: string): string | false {
  return (
    login !== 'none' &&
    `To log in to the mirror, add to each hosts.toml, and let only root read it:\n  [host."${url}".header]\n    authorization = "Basic BASE64-OF-USER:PASSWORD"`
  );
}

/** What is read of a config.toml; a part of another shape counts as not there. */
const configSchema = z.object({
  version: z.number().optional().catch(undefined),
  disabled_plugins: z.array(z.unknown()).default([]).catch([]),
  plugins: z
    .record(
      z.string(),
      z
        .object({
          registry: z
            .object({ config_path: z.string().default(''), mirrors: z.unknown().optional() })
            .optional(),
        })
        .catch({}),
    )
    .default({})
    .catch({}),
});

/** What to change in a config.toml so that the CRI plugin reads the folder; undefined for nothing. */
function configPathByHand(text: string): string | undefined {
  const { version = 1, disabled_plugins: disabled, plugins: settings } = configSchema.parse(parseToml(text));
  // Docker's packages bring a configuration without the CRI plugin, which then needs none.
  if (['cri', ...plugins.values()].some((name) => disabled.includes(name))) return undefined;
  const plugin = plugins.get(version);
  if (plugin === undefined) {
    return version > readByDefault
      ? `see that config_path of its image plugin is "${certs}": its version, ${version}, is too new for this`
      : 'bring it to version 2 or newer, which has config_path: see "containerd config migrate"';
  }
  const { config_path: path, mirrors } = settings[plugin]?.registry ?? {
    config_path: '',
    mirrors: undefined,
  };
  if (path.split(':').includes(certs)) return undefined;
  if (version === readByDefault && path === '' && mirrors === undefined) return undefined;
  return `set config_path = "${certs}" below [plugins."${plugin}".registry]`;
}

function parseToml(text: string): object {
  try {
    // Go's parsers have integers of 64 bits.
    return parse(text, { integersAsBigInt: 'asNeeded' });
  } catch (cause) {
    throw new FileConflict('is not valid TOML', { cause });
  }
}
