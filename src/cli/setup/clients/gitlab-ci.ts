import { dockerHub } from '../../../oci/docker-hub.ts';
import type { Snippet, Guide } from '../guide.ts';
import type { MirrorAddress } from '../mirror-address.ts';
import { dockerdAddresses, hubMirror } from './dockerd.ts';
import { imagePrefix } from './image-name.ts';

export function gitlabCi(mirror: MirrorAddress): Guide {
  const { origin, login } = mirror;
  const hub = hubMirror(mirror);
  const flags = [
    ...(hub === undefined ? [] : ['--registry-mirror', hub.url]),
    ...(origin.secure ? [] : dockerdAddresses(mirror)).flatMap((at) => ['--insecure-registry', at.authority]),
  ];
  const authorities = dockerdAddresses(mirror).map(
    ({ authority }) => `/etc/docker/certs.d/${authority}/ca.crt`,
  );
  const command = JSON.stringify(flags).replaceAll(',', ', ');
  const pipeline: Snippet = {
    title: '.gitlab-ci.yml, for jobs that use Docker in Docker',
    text: `variables:
  DOCKER_TLS_CERTDIR: "/certs"
  FF_NETWORK_PER_BUILD: "true"

build:
  image: docker:28
  services:
    - name: docker:28-dind
      alias: docker
${flags.length === 0 ? '' : `      command: ${command}\n`}  script:
${login === 'none' ? '' : `    - echo "$MIRROR_PASSWORD" | docker login --username "$MIRROR_USER" --password-stdin ${origin.authority}\n`}    - docker build .
`,
  };
  const runner: Snippet = {
    title: '/etc/gitlab-runner/config.toml, below [runners.docker]: the same for every job of a runner',
    text: `${
      mirror.ca === undefined
        ? ''
        : `volumes = ["/cache", "/etc/docker/certs.d:/etc/docker/certs.d:ro", "/certs/client"]\n\n`
    }[[runners.docker.services]]
  name = "docker:28-dind"
  alias = "docker"
${flags.length === 0 ? '' : `  command = ${command}\n`}`,
  };
  return {
    snippets: [pipeline, runner],
    notes: [
      'image: and services: of a job are pulled by the Docker (or the cluster) that the runner uses: entrepot setup docker --apply there, or containerd.',
      mirror.ca !== undefined &&
        `The authority's certificate belongs into ${authorities.join(' and ')} on the runner; entrepot setup docker --apply puts it there.`,
      namesNote(mirror),
    ],
  };
}

/** Which images docker build gets through the mirror without being told. */
function namesNote(mirror: MirrorAddress): string {
  const isByItself = hubMirror(mirror) !== undefined;
  const others = mirror.upstreams.filter(({ name }) => !isByItself || name !== dockerHub);
  const [example] = others.flatMap((upstream) => imagePrefix(mirror, upstream) ?? []);
  const byName = example && `pulled by the mirror's own name, such as ${example.prefix}/OWNER/IMAGE.`;
  if (!isByItself)
    return byName === undefined ? 'No image comes through the mirror.' : `Images are ${byName}`;
  const hubs = 'The mirror is asked for images of Docker Hub alone';
  return byName === undefined ? `${hubs}.` : `${hubs}; others are ${byName}`;
}
