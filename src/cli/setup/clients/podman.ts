import type { LocalFile } from '../files/local-file.ts';
import type { Guide } from '../guide.ts';
import type { MirrorAddress } from '../mirror-address.ts';
import { authorityFile } from './authority.ts';
import { imageOrigins, omittedNote, imagePrefix, sampleImage } from './image-name.ts';
import { certificateNote } from './notes.ts';

/** podman, buildah and skopeo do not tell a mirror which registry they mean, so the path has to name it. */
export function podman(mirror: MirrorAddress): Guide {
  const { origin, login } = mirror;
  const certs = '/etc/containers/certs.d';
  const origins = imageOrigins(mirror);
  const registries: LocalFile = {
    path: '/etc/containers/registries.conf.d/50-entrepot.conf',
    kind: 'block',
    text: registriesConf(mirror),
  };
  return {
    files: [
      ...(origins.length === 0 ? [] : [registries]),
      ...origins.flatMap(({ authority }) => authorityFile(mirror, `${certs}/${authority}/ca.crt`)),
    ],
    commands: [
      `podman pull ${sampleImage(mirror)}   # nothing to restart for podman, Buildah and skopeo`,
      'systemctl reload crio   # where CRI-O runs',
    ],
    notes: [
      omittedNote(mirror),
      'Names without a registry (podman pull alpine) are completed as unqualified-search-registries in registries.conf says; that is left alone.',
      'Once the mirror has answered with a manifest, podman takes the layers from it alone: only the manifest has a fallback.',
      login !== 'none' &&
        `podman login ${origin.authority} is used for everything that is pulled through the mirror.`,
      certificateNote(mirror, `${certs}/${origin.authority}/client.cert and client.key`),
    ],
  };
}

/** See containers-registries.conf(5) */
function registriesConf(mirror: MirrorAddress): string {
  return mirror.upstreams
    .flatMap((upstream) => {
      const image = imagePrefix(mirror, upstream);
      if (image === undefined) return [];
      return [
        '[[registry]]',
        `location = "${upstream.name}"`,
        '[[registry.mirror]]',
        `location = "${image.prefix}"`,
        ...(image.origin.secure ? [] : ['insecure = true']),
        '',
      ].join('\n');
    })
    .join('\n');
}
