import { parseDocument, stringify } from 'yaml';
import type { ClientVersion } from '../client-version.ts';
import { hashOf } from '../files/record.ts';
import type { Guide } from '../guide.ts';
import type { MirrorAddress } from '../mirror-address.ts';
import { sampleImage } from './image-name.ts';
import { hostsNote, hostsToml, type HostsClient } from './hosts-toml.ts';
import { loginNote } from './containerd.ts';
import { indent } from './indent.ts';

const certs = '/etc/containerd/certs.d';
const authority = 'entrepot-ca.crt';

/** The mirror as a deployment, and a daemon set that gives each node its hosts.toml. */
export function kubernetes(mirror: MirrorAddress, version?: ClientVersion): Guide {
  const client: HostsClient = { reader: 'containerd', version };
  const { origin, login } = mirror;
  return {
    snippets: [
      {
        title: 'entrepot.yaml: the mirror in the cluster; leave it out if it runs elsewhere',
        text: deployment,
      },
      { title: 'entrepot-nodes.yaml: containerd on every node', text: nodes(mirror, client) },
    ],
    commands: [
      'kubectl apply -f entrepot.yaml -f entrepot-nodes.yaml',
      'kubectl -n entrepot rollout status deployment/entrepot daemonset/entrepot-nodes',
      `kubectl run check --rm -i --restart=Never --image=${sampleImage(mirror)} -- true`,
    ],
    decision: `${hostsNote(client)} "kubectl get nodes -o wide" shows the nodes' versions; the oldest one counts.`,
    notes: [
      `Nodes do not resolve names of services. For the mirror in the cluster, render this with --mirror http://NODE:30500, the address of a node or of a load balancer before them, in place of ${origin.url}.`,
      'Build the image with "docker build -t REGISTRY/entrepot ." and push it to a registry that the nodes reach without the mirror.',
      'config.yml above mirrors Docker Hub and the well-known public registries; put a configuration of your own in its place.',
      `The nodes' containerd must have config_path = "${certs}" in /etc/containerd/config.toml (grep config_path on a node: some managed clusters have another folder, to be put in place of it above). kubeadm's nodes want "entrepot setup containerd --apply" once; k3s and RKE2 have a file of their own: entrepot setup k3s.`,
      "imagePullSecrets are for the image's own registry. containerd offers them to mirrors as well; Entrepot ignores them, unless auth.passthrough is on.",
      'Deleting the daemon set leaves the hosts.toml files, which do no harm: a mirror that is gone is passed over.',
      loginNote(login, origin.url),
    ],
  };
}

/** A config map's keys have no colons; containerd reads `host_port_` as `host:port`. */
function keyOf(name: string): string {
  return name.replace(/:(\d+)$/u, '_$1_');
}

function nodes(mirror: MirrorAddress, client: HostsClient): string {
  const data: Record<string, string> = {};
  for (const upstream of mirror.upstreams) {
    data[keyOf(upstream.name)] = hostsToml(upstream, mirror, `${certs}/${authority}`, client);
  }
  const copy = ['for file in /hosts/*; do', `  name=$(basename "$file")`];
  if (mirror.ca !== undefined) {
    data[authority] = mirror.ca;
    copy.push(`  if [ "$name" = ${authority} ]; then cp "$file" "/certs.d/$name"; continue; fi`);
  }
  copy.push('  mkdir -p "/certs.d/$name" && cp "$file" "/certs.d/$name/hosts.toml"', 'done');
  return `apiVersion: v1
kind: ConfigMap
metadata:
  name: entrepot-hosts
  namespace: entrepot
data:
${indent(blocks(data), 2)}---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: entrepot-nodes
  namespace: entrepot
spec:
  selector:
    matchLabels: { app: entrepot-nodes }
  template:
    metadata:
      labels: { app: entrepot-nodes }
      annotations: { entrepot/hosts: "${hashOf(JSON.stringify(data)).slice(0, 16)}" }   # new hosts, new pods
    spec:
      tolerations: [{ operator: Exists }]
      initContainers:
        - name: copy
          image: busybox:1.36
          command:
            - sh
            - -euc
            - |
${indent(`${copy.join('\n')}\n`, 14)}          volumeMounts:
            - { name: hosts, mountPath: /hosts }
            - { name: certs, mountPath: /certs.d }
      containers:
        - name: wait
          image: registry.k8s.io/pause:3.10
      volumes:
        - name: hosts
          configMap: { name: entrepot-hosts }
        - name: certs
          hostPath: { path: ${certs}, type: DirectoryOrCreate }
`;
}

/** Each text as a block, which reads better than a quoted line. */
function blocks(data: Readonly<Record<string, string>>): string {
  const document = parseDocument(stringify(data, { lineWidth: 0, defaultStringType: 'BLOCK_LITERAL' }));
  return document.toString({ lineWidth: 0 });
}

const deployment = `apiVersion: v1
kind: Namespace
metadata:
  name: entrepot
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: entrepot
  namespace: entrepot
data:
  config.yml: |
    version: 0.1
    storage: { filesystem: { rootdirectory: /var/lib/registry } }
    http: { addr: ":5000", draintimeout: 25s }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: entrepot
  namespace: entrepot
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests: { storage: 100Gi }
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: entrepot
  namespace: entrepot
spec:
  replicas: 1
  strategy: { type: Recreate }   # two processes must not share a store
  selector:
    matchLabels: { app: entrepot }
  template:
    metadata:
      labels: { app: entrepot }
    spec:
      enableServiceLinks: false   # the variables of services called registry-… would look like settings
      securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 }
      containers:
        - name: entrepot
          image: REGISTRY/entrepot
          securityContext:
            readOnlyRootFilesystem: true   # it writes to its volume alone
            allowPrivilegeEscalation: false
            capabilities: { drop: [ALL] }
          ports: [{ containerPort: 5000 }]
          readinessProbe: { httpGet: { path: /readyz, port: 5000 } }
          livenessProbe: { httpGet: { path: /healthz, port: 5000 } }
          volumeMounts:
            - { name: data, mountPath: /var/lib/registry }
            - { name: config, mountPath: /etc/docker/registry }
      volumes:
        - name: data
          persistentVolumeClaim: { claimName: entrepot }
        - name: config
          configMap: { name: entrepot }
---
apiVersion: v1
kind: Service
metadata:
  name: entrepot
  namespace: entrepot
spec:
  type: NodePort
  selector: { app: entrepot }
  ports: [{ port: 5000, nodePort: 30500 }]
`;
