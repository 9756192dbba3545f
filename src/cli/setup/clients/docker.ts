import { dockerHub } from '../../../oci/docker-hub.ts';
import type { ClientVersion } from '../client-version.ts';
import { JsonEdit } from '../files/json-edit.ts';
import type { Guide, LocalFile } from '../guide.ts';
import type { MirrorAddress } from '../mirror-address.ts';
import { authorityFile } from './authority.ts';
import { hostsFile, hostsNote, type HostsClient } from './hosts-toml.ts';
import { placeOf } from './image-name.ts';
import { certificateNote, list } from './words.ts';

const certs = '/etc/docker/certs.d';

/** dockerd: mirrors for Docker Hub in daemon.json; the containerd image store reads hosts.toml for the others. */
export function docker(mirror: MirrorAddress, version?: ClientVersion): Guide {
  const client: HostsClient = { reader: 'Docker', version };
  const { origin, upstreams, login } = mirror;
  const hub = upstreams.find(({ name }) => name === dockerHub);
  const others = upstreams.filter((upstream) => upstream !== hub || hub.own === undefined);
  const [example] = others.flatMap((upstream) => placeOf(mirror, upstream) ?? []);
  const mirrors = hub?.own === undefined ? [] : [hub.own];
  const insecure = origin.secure ? [] : [...new Set([origin, ...mirrors].map(({ authority }) => authority))];
  const entries = [
    { path: ['registry-mirrors'], values: mirrors.map(({ url }) => url) },
    { path: ['insecure-registries'], values: insecure },
  ].filter(({ values }) => values.length > 0);
  const files: LocalFile[] = [];
  if (entries.length > 0) files.push({ path: '/etc/docker/daemon.json', edit: new JsonEdit(entries) });
  const authority = new Set([origin, ...mirrors].map((at) => `${certs}/${at.authority}/ca.crt`));
  for (const path of authority) files.push(...authorityFile(mirror, path));
  for (const upstream of others) {
    files.push(hostsFile(certs, upstream, mirror, `${certs}/${origin.authority}/ca.crt`, client));
  }
  return {
    files,
    excerpts: [],
    after: [
      'systemctl reload docker   # running containers are not disturbed',
      "docker info --format '{{json .RegistryConfig.Mirrors}}'",
    ],
    decisions: others.length === 0 ? [] : [hostsNote(client)],
    notes: [
      ...hubNotes(mirror),
      ...(others.length === 0
        ? []
        : [
            `dockerd asks registry-mirrors for images of Docker Hub only. Of the other registries (${list(others)}), Docker 28 and newer with the containerd image store reads the hosts.toml files${example === undefined ? '' : `; every Docker can pull by the mirror's own name: docker pull ${example.prefix}/OWNER/IMAGE`}`,
          ]),
      'If dockerd is started with --registry-mirror or --insecure-registry, take the flags away first: it refuses to start when both say something.',
      ...(login === 'none'
        ? []
        : [
            `docker login ${origin.authority} is for images pulled by the mirror's own name. As a registry mirror of Docker Hub, dockerd never offers a mirror that login${login === 'required' ? ', and goes to Docker Hub when the mirror refuses it' : ''}.`,
          ]),
      ...certificateNote(mirror, `${certs}/${origin.authority}/client.cert and client.key`),
    ],
  };
}

function hubNotes({ origin, upstreams }: MirrorAddress): readonly string[] {
  const hub = upstreams.find(({ name }) => name === dockerHub);
  if (hub === undefined) return [];
  if (hub.own === undefined) {
    return [
      `${dockerHub} is mirrored, but registry-mirrors cannot say so: dockerd asks them without a prefix, which means another registry at ${origin.url}. Give ${dockerHub} a listen address or a host name of its own in the configuration.`,
    ];
  }
  return [];
}
