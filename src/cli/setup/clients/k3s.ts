import { stringify } from 'yaml';
import { mainFile } from '../files/local-file.ts';
import type { Guide } from '../guide.ts';
import type { MirrorAddress } from '../mirror-address.ts';
import { authorityFile } from './authority.ts';
import { sampleImage } from './image-name.ts';
import { certificateNote } from './notes.ts';

export function k3s(mirror: MirrorAddress): Guide {
  return rancher(mirror, '/etc/rancher/k3s', [
    'systemctl restart k3s   # k3s-agent on agents; on every node',
    `k3s crictl pull ${sampleImage(mirror)}`,
  ]);
}

export function rke2(mirror: MirrorAddress): Guide {
  return rancher(mirror, '/etc/rancher/rke2', [
    'systemctl restart rke2-server   # rke2-agent on agents; on every node',
    `/var/lib/rancher/rke2/bin/crictl --config /var/lib/rancher/rke2/agent/etc/crictl.yaml pull ${sampleImage(mirror)}`,
  ]);
}

/** See https://docs.k3s.io/installation/private-registry */
function rancher(mirror: MirrorAddress, folder: string, commands: readonly string[]): Guide {
  const { origin, upstreams, login, ca } = mirror;
  const authority = `${folder}/entrepot-ca.crt`;
  const registries = {
    mirrors: Object.fromEntries(upstreams.map(({ name }) => [name, { endpoint: [origin.url] }])),
    configs: ca === undefined ? undefined : { [origin.authority]: { tls: { ca_file: authority } } },
  };
  return {
    files: [
      // Not a block: a login has to stand in the midst of it.
      mainFile({ path: `${folder}/registries.yaml`, kind: 'whole', text: stringify(registries) }),
      ...authorityFile(mirror, authority),
    ],
    commands,
    notes: [
      'When the mirror fails, containerd asks the registry itself, unless the node was started with --disable-default-registry-endpoint.',
      login !== 'none' &&
        `To log in to the mirror, add to registries.yaml, and let only root read it:\n  configs:\n    "${origin.authority}":\n      auth: { username: USER, password: PASSWORD }`,
      certificateNote(
        mirror,
        `registries.yaml, as cert_file and key_file below configs."${origin.authority}".tls`,
      ),
    ],
  };
}
