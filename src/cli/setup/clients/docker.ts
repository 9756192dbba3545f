import { dockerHub } from '../../../oci/docker-hub.ts';
import type { ClientVersion } from '../client-version.ts';
import type { LocalFile } from '../files/local-file.ts';
import type { Guide } from '../guide.ts';
import type { MirrorAddress } from '../mirror-address.ts';
import { authorityFile } from './authority.ts';
import { dockerdAddresses, hubMirror } from './dockerd.ts';
import { hostsFile, hostsNote, type HostsClient } from './hosts-toml.ts';
import { imagePrefix } from './image-name.ts';
import { certificateNote, list } from './notes.ts';

const certs = '/etc/docker/certs.d';

/** dockerd: Docker Hub's mirror in daemon.json; for others the containerd image store reads hosts.toml. */
export function docker(mirror: MirrorAddress, version?: ClientVersion): Guide {
  const client: HostsClient = { reader: 'Docker', version };
  const { origin, upstreams } = mirror;
  const others = upstreams.filter(({ name, own }) => name !== dockerHub || own === undefined);
  const hubAt = hubMirror(mirror);
  const addresses = dockerdAddresses(mirror);
  const lists = {
    ...(hubAt === undefined ? undefined : { 'registry-mirrors': [hubAt.url] }),
    ...(origin.secure ? undefined : { 'insecure-registries': addresses.map(({ authority }) => authority) }),
  };
  const daemonJson: LocalFile = { path: '/etc/docker/daemon.json', kind: 'json', lists };
  return {
    files: [
      ...(Object.keys(lists).length === 0 ? [] : [daemonJson]),
      ...addresses.flatMap(({ authority }) => authorityFile(mirror, `${certs}/${authority}/ca.crt`)),
      ...others.map((upstream) =>
        hostsFile(certs, upstream, mirror, `${certs}/${origin.authority}/ca.crt`, client),
      ),
    ],
    commands: [
      'systemctl reload docker   # running containers are not disturbed',
      ...(hubAt === undefined ? [] : ["docker info --format '{{json .RegistryConfig.Mirrors}}'"]),
    ],
    decision: others.length > 0 && hostsNote(client),
    notes: [
      hubNote(mirror),
      others.length > 0 &&
        `dockerd asks registry-mirrors for images of Docker Hub only. Of the other registries (${list(others)}), Docker 28 and newer with the containerd image store reads the hosts.toml files${byNameNote(mirror, others)}`,
      'If dockerd is started with --registry-mirror or --insecure-registry, take the flags away first: it refuses to start when both say something.',
      loginNote(mirror),
      certificateNote(mirror, `${certs}/${origin.authority}/client.cert and client.key`),
    ],
  };
}

function byNameNote(mirror: MirrorAddress, others: MirrorAddress['upstreams']): string {
  const [example] = others.flatMap((upstream) => imagePrefix(mirror, upstream) ?? []);
  if (example === undefined) return '.';
  return `; every Docker can pull by the mirror's own name: docker pull ${example.prefix}/OWNER/IMAGE.`;
}

function hubNote(mirror: MirrorAddress): string | undefined {
  const { origin, publicOrigin, login, upstreams } = mirror;
  const hasHub = upstreams.some(({ name }) => name === dockerHub);
  if (!hasHub || hubMirror(mirror) !== undefined || login === 'required') return undefined;
  const { url } = publicOrigin ?? origin;
  const own = publicOrigin === undefined ? 'a listen address or a host name' : 'a host name';
  return `${dockerHub} is mirrored, but registry-mirrors cannot say so: dockerd asks them without a prefix, which means another registry at ${url}. Give ${dockerHub} ${own} of its own in the configuration.`;
}

/** dockerd logs in to what an image's name begins with, and to no mirror. */
function loginNote(mirror: MirrorAddress): string | undefined {
  const { origin, publicOrigin, login, upstreams } = mirror;
  if (login === 'none') return undefined;
  const [image] = upstreams.flatMap((upstream) => imagePrefix(mirror, upstream) ?? []);
  const example = image === undefined ? '' : `, such as ${image.prefix}/OWNER/IMAGE`;
  const byName = `docker login ${origin.authority} is for images pulled by the mirror's own name${example}.`;
  if (login === 'required' && upstreams.some(({ name }) => name === dockerHub)) {
    return `${byName} registry-mirrors are left out: dockerd logs in to no mirror, and would go to Docker Hub. For public images of Docker Hub without a login, give the mirror access.anonymous: allow and http.public.addr.`;
  }
  if (login === 'required' || publicOrigin === undefined) return byName;
  return `${byName} Without a login dockerd pulls what is public, at ${publicOrigin.authority} alone.`;
}
