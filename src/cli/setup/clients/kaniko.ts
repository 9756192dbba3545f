import { dockerHub } from '../../../oci/docker-hub.ts';
import type { Guide } from '../guide.ts';
import type { MirrorAddress } from '../mirror-address.ts';
import { imageOrigins, omittedNote, imagePrefix } from './image-name.ts';

const authority = '/kaniko/ssl/certs/entrepot-ca.crt';

export function kaniko(mirror: MirrorAddress): Guide {
  const { origin, login } = mirror;
  return {
    snippets: [{ title: 'arguments of /kaniko/executor', text: `${kanikoFlags(mirror).join('\n')}\n` }],
    notes: [
      omittedNote(mirror),
      '--registry-map with a path wants kaniko 1.23 or newer. When the mirror fails, kaniko asks the registry itself, unless it runs with --skip-default-registry-fallback.',
      mirror.ca !== undefined &&
        `The authority's certificate has to be in the container at ${authority}, from a secret or a config map.`,
      login !== 'none' &&
        `The login for ${origin.authority} is looked up in /kaniko/.docker/config.json, as docker login writes it.`,
      mirror.clientCertificates &&
        'The mirror asks for a client certificate: --registry-client-cert=HOST=CERTIFICATE,KEY.',
    ],
  };
}

/** kaniko tells no mirror which registry it means: the path names it, except for a plain Docker Hub. */
function kanikoFlags(mirror: MirrorAddress): readonly string[] {
  const { origin, upstreams, ca } = mirror;
  const maps = upstreams.flatMap((upstream) => {
    const { name, own } = upstream;
    if (name === dockerHub && own?.url === origin.url) return [`--registry-mirror=${origin.authority}`];
    const image = imagePrefix(mirror, upstream);
    if (image === undefined) return [];
    return [`--registry-map=${name === dockerHub ? 'index.docker.io' : name}=${image.prefix}`];
  });
  const trust = imageOrigins(mirror).flatMap(({ authority: host, secure }) => {
    if (!secure) return [`--insecure-registry=${host}`];
    return ca === undefined ? [] : [`--registry-certificate=${host}=${authority}`];
  });
  return [...maps, ...trust];
}
