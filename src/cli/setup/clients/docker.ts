import { dockerHub } from '../../../oci/docker-hub.ts';
import type { ClientVersion } from '../client-version.ts';
import { JsonEdit } from '../files/json-edit.ts';
import type { Guide, LocalFile } from '../guide.ts';
import type { MirrorAddress } from '../mirror-address.ts';
import { authorityFile } from './authority.ts';
import { hostsFile, hostsNote, type HostsClient } from './hosts-toml.ts';
import { dockerdAddresses, hubMirror } from './dockerd.ts';
import { imagePrefix } from './image-name.ts';
import { certificateNote, list } from './notes.ts';

const certs = '/etc/docker/certs.d';

/** dockerd: mirrors for Docker Hub in daemon.json; the containerd image store reads hosts.toml for the others. */
export function docker(mirror: MirrorAddress, version?: ClientVersion): Guide {
  const client: HostsClient = { reader: 'Docker', version };
  const { origin, upstreams } = mirror;
  const hub = upstreams.find(({ name }) => name === dockerHub);
  const others = upstreams.filter((upstream) => upstream !== hub || hub.own === undefined);
  const [example] = others.flatMap((upstream) => imagePrefix(mirror, upstream) ?? []);
  const hubAt = hubMirror(mirror);
  const mirrors = hubAt === undefined ? [] : [hubAt];
  const addresses = dockerdAddresses(mirror);
  const insecure = origin.secure ? [] : addresses.map(({ authority }) => authority);
  const entries = [
    { path: ['registry-mirrors'], values: mirrors.map(({ url }) => url) },
    { path: ['insecure-registries'], values: insecure },
  ].filter(({ values }) => values.length > 0);
  const files: LocalFile[] = [];
  if (entries.length > 0) files.push({ path: '/etc/docker/daemon.json', edit: new JsonEdit(entries) });
  for (const at of addresses) files.push(...authorityFile(mirror, `${certs}/${at.authority}/ca.crt`));
  for (const upstream of others) {
    files.push(hostsFile(certs, upstream, mirror, `${certs}/${origin.authority}/ca.crt`, client));
  }
  return {
    files,
    snippets: [],
    after: [
      'systemctl reload docker   # running containers are not disturbed',
      ...(mirrors.length === 0 ? [] : ["docker info --format '{{json .RegistryConfig.Mirrors}}'"]),
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
      ...loginNotes(mirror),
      ...certificateNote(mirror, `${certs}/${origin.authority}/client.cert and client.key`),
    ],
  };
}

function hubNotes(mirror: MirrorAddress): readonly string[] {
  const { origin, publicOrigin, login, upstreams } = mirror;
  const hub = upstreams.find(({ name }) => name === dockerHub);
  if (hub === undefined || hubMirror(mirror) !== undefined || login === 'required') return [];
  const open = publicOrigin ?? origin;
  const own = publicOrigin === undefined ? 'a listen address or a host name' : 'a host name';
  return [
    `${dockerHub} is mirrored, but registry-mirrors cannot say so: dockerd asks them without a prefix, which means another registry at ${open.url}. Give ${dockerHub} ${own} of its own in the configuration.`,
  ];
}

/** dockerd logs in to what an image's name begins with, and to no mirror. */
function loginNotes(mirror: MirrorAddress): readonly string[] {
  const { origin, publicOrigin, login, upstreams } = mirror;
  if (login === 'none') return [];
  const [image] = upstreams.flatMap((upstream) => imagePrefix(mirror, upstream) ?? []);
  const example = image === undefined ? '' : `, such as ${image.prefix}/OWNER/IMAGE`;
  const byName = `docker login ${origin.authority} is for images pulled by the mirror's own name${example}.`;
  if (login === 'required') {
    return upstreams.some(({ name }) => name === dockerHub)
      ? [
          `${byName} registry-mirrors are left out: dockerd logs in to no mirror, and would go to Docker Hub. For public images of Docker Hub without a login, give the mirror access.anonymous: allow and http.public.addr.`,
        ]
      : [byName];
  }
  return publicOrigin === undefined
    ? [byName]
    : [`${byName} Without a login dockerd pulls what is public, at ${publicOrigin.authority} alone.`];
}
