import { stringify } from 'yaml';
import type { ClientVersion } from '../client-version.ts';
import type { Guide } from '../guide.ts';
import type { MirrorAddress } from '../mirror-address.ts';
import { sampleImage } from './image-name.ts';
import { authorityFile } from './authority.ts';
import { loginNote, registryTable } from './containerd.ts';
import { hostsFile, hostsNote, type HostsClient } from './hosts-toml.ts';

const folder = 'entrepot-certs.d';
const certs = '/etc/containerd/certs.d';

/** kind's nodes are containers: they get hosts.toml from a folder of the machine. */
export function kind(mirror: MirrorAddress, version?: ClientVersion): Guide {
  const client: HostsClient = { reader: 'containerd', version };
  const { origin, upstreams, login } = mirror;
  const cluster = {
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    containerdConfigPatches: [registryTable],
    nodes: [
      {
        role: 'control-plane',
        extraMounts: [{ hostPath: `./${folder}`, containerPath: certs, readOnly: true }],
      },
    ],
  };
  return {
    files: [
      { path: 'kind-entrepot.yaml', kind: 'whole', text: stringify(cluster) },
      ...upstreams.map((upstream) => hostsFile(folder, upstream, mirror, `${certs}/entrepot-ca.crt`, client)),
      ...authorityFile(mirror, `${folder}/entrepot-ca.crt`),
    ],
    commands: [
      'kind create cluster --config kind-entrepot.yaml',
      `docker exec kind-control-plane crictl pull ${sampleImage(mirror)}`,
    ],
    decision: hostsNote(client),
    notes: [
      `The nodes must reach ${origin.url} from their containers: localhost is not the mirror there. Give other nodes of the cluster the same extraMounts.`,
      loginNote(login, origin.url),
    ],
  };
}
