import { dockerHub } from '../../../oci/docker-hub.ts';
import type { Guide } from '../guide.ts';
import type { MirrorAddress } from '../mirror-address.ts';

const authority = '/kaniko/ssl/certs/entrepot-ca.crt';

export function kaniko(mirror: MirrorAddress): Guide {
  const { origin, login } = mirror;
  return {
    files: [],
    excerpts: [{ title: 'arguments of /kaniko/executor', text: `${kanikoFlags(mirror).join('\n')}\n` }],
    after: [],
    notes: [
      '--registry-map with a path wants kaniko 1.23 or newer. When the mirror fails, kaniko asks the registry itself, unless it runs with --skip-default-registry-fallback.',
      ...(mirror.ca === undefined
        ? []
        : [
            `The authority's certificate has to be in the container at ${authority}, from a secret or a config map.`,
          ]),
      ...(login === 'none'
        ? []
        : [
            `The login for ${origin.authority} is looked up in /kaniko/.docker/config.json, as docker login writes it.`,
          ]),
      ...(mirror.clientCertificates
        ? ['The mirror asks for a client certificate: --registry-client-cert=HOST=CERTIFICATE,KEY.']
        : []),
    ],
  };
}

/** kaniko says nothing of the registry that it means, so that it has to stand in the path, but where Docker Hub is the plain one. */
function kanikoFlags({ origin, upstreams, ca }: MirrorAddress): readonly string[] {
  const maps = upstreams.map(({ name, own }) =>
    name === dockerHub && own?.url === origin.url
      ? `--registry-mirror=${origin.authority}`
      : `--registry-map=${name === dockerHub ? 'index.docker.io' : name}=${origin.authority}/${name}`,
  );
  if (!origin.secure) return [...maps, `--insecure-registry=${origin.authority}`];
  return ca === undefined ? maps : [...maps, `--registry-certificate=${origin.authority}=${authority}`];
}
