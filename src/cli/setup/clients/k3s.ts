import { YamlEdit } from '../files/yaml-edit.ts';
import type { Entry } from '../files/entries.ts';
import type { Guide } from '../guide.ts';
import type { MirrorAddress } from '../mirror-address.ts';
import { sampleImage } from './image-name.ts';
import { authorityFile } from './authority.ts';
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
function rancher(mirror: MirrorAddress, folder: string, after: readonly string[]): Guide {
  const { origin, upstreams, login, ca } = mirror;
  const authority = `${folder}/entrepot-ca.crt`;
  const entries: Entry[] = upstreams.map(({ name }) => ({
    path: ['mirrors', name, 'endpoint'],
    values: [origin.url],
  }));
  if (ca !== undefined)
    entries.push({ path: ['configs', origin.authority, 'tls', 'ca_file'], value: authority });
  return {
    files: [
      { path: `${folder}/registries.yaml`, edit: new YamlEdit(entries) },
      ...authorityFile(mirror, authority),
    ],
    snippets: [],
    after,
    notes: [
      'When the mirror fails, containerd asks the registry itself, unless the node was started with --disable-default-registry-endpoint.',
      ...(login === 'none'
        ? []
        : [
            `To log in to the mirror, add to registries.yaml, and let only root read it:\n  configs:\n    "${origin.authority}":\n      auth: { username: USER, password: PASSWORD }`,
          ]),
      ...certificateNote(
        mirror,
        `registries.yaml, as cert_file and key_file below configs."${origin.authority}".tls`,
      ),
    ],
  };
}
