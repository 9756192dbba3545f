import type { SubjectName } from './subject-name.ts';
import type { TlsFiles, TlsFolder } from './tls-folder.ts';

/** What a run has done, and what is to be done with it, for people. */
export function instructions(
  folder: TlsFolder,
  { authority, expiresAt }: TlsFiles,
  names: readonly [SubjectName, ...SubjectName[]],
  port: number,
): string {
  const day = (date: Date): string => date.toISOString().slice(0, 10);
  const [{ type, value }] = names;
  const host = type === 'ip' && value.includes(':') ? `[${value}]` : value;
  const mirror = `${host.replace(/^\*\./, 'mirror.')}:${port}`;
  return `${authority.isNew ? 'Made' : 'Kept'} the certificate authority, good until ${day(authority.expiresAt)}:
  ${folder.authorityCertificate}   for your clients
  ${folder.authorityKey}   secret; who has it can pose as any server to them
Issued a server certificate, good until ${day(expiresAt)}:
  ${folder.serverCertificate}
  ${folder.serverKey}   secret; the user that Entrepot runs as must be able to read it
  for ${names.map((name) => name.value).join(', ')}

Entrepot's configuration:
  http:
    tls:
      certificate: ${folder.serverCertificate}
      key: ${folder.serverKey}
Start it again; if it has these lines already, kill -HUP its process, and it takes the new certificate.
Run this command again before ${day(expiresAt)}: clients need nothing new while the authority stays the same.

Where clients want ${folder.authorityCertificate}:
  dockerd              /etc/docker/certs.d/${mirror}/ca.crt
  podman, skopeo,
  Buildah, CRI-O       /etc/containers/certs.d/${mirror}/ca.crt
  containerd           any path, named in /etc/containerd/certs.d/REGISTRY/hosts.toml:
                         [host."https://${mirror}"]
                           capabilities = ["pull", "resolve"]
                           ca = "/etc/containerd/entrepot-ca.crt"
  BuildKit             any path, named in buildkitd.toml:
                         [registry."${mirror}"]
                           ca = ["/etc/buildkit/entrepot-ca.crt"]
  k3s, RKE2            any path, named in /etc/rancher/k3s/registries.yaml (rke2/registries.yaml):
                         configs:
                           "${mirror}":
                             tls:
                               ca_file: /etc/rancher/k3s/entrepot-ca.crt
  kind                 for node in $(kind get nodes); do
                         docker cp ${folder.authorityCertificate} "$node:/usr/local/share/ca-certificates/entrepot.crt"
                         docker exec "$node" sh -c 'update-ca-certificates && systemctl restart containerd'
                       done
  the whole system     Debian, Ubuntu, Alpine: /usr/local/share/ca-certificates/entrepot.crt, then update-ca-certificates
                       Fedora, RHEL: /etc/pki/ca-trust/source/anchors/entrepot.crt, then update-ca-trust
                       dockerd and containerd read it when they start.
entrepot setup docker --mirror https://${mirror} --ca ${folder.authorityCertificate} prints it all, and with
--apply writes it for a client on this machine; entrepot setup --help has the other clients.
`;
}
