import type { Guide } from '../guide.ts';
import type { MirrorAddress } from '../mirror-address.ts';
import { buildkitdToml } from './buildkit.ts';
import { hubMirror } from './hub-mirror.ts';
import { indent } from './indent.ts';
import { certificateNote } from './words.ts';

export function githubActions(mirror: MirrorAddress): Guide {
  const { origin, ca, login } = mirror;
  const hub = hubMirror(mirror);
  const authority = `/etc/docker/certs.d/${origin.authority}/ca.crt`;
  const steps: string[] = [];
  if (ca !== undefined) {
    steps.push(`- name: Trust the authority of the mirror
  run: |
    sudo mkdir -p ${authority.replace(/\/ca\.crt$/u, '')}
    sudo tee ${authority} > /dev/null <<'PEM'
${indent(ca, 4)}    PEM
`);
  }
  if (hub !== undefined) {
    const settings = {
      'registry-mirrors': [hub.url],
      ...(origin.secure ? undefined : { 'insecure-registries': [hub.authority] }),
    };
    steps.push(`- name: Pull images of Docker Hub through the mirror
  run: |
    [ -s /etc/docker/daemon.json ] || echo '{}' | sudo tee /etc/docker/daemon.json
    jq '. + ${JSON.stringify(settings)}' /etc/docker/daemon.json > "$RUNNER_TEMP/daemon.json"
    sudo install -m 644 "$RUNNER_TEMP/daemon.json" /etc/docker/daemon.json
    sudo systemctl reload docker
`);
  }
  if (login !== 'none') {
    steps.push(`- uses: docker/login-action@v3
  with:
    registry: ${origin.authority}
    username: \${{ vars.MIRROR_USER }}
    password: \${{ secrets.MIRROR_PASSWORD }}
`);
  }
  steps.push(`- uses: docker/setup-buildx-action@v3
  with:
    buildkitd-config-inline: |
${indent(buildkitdToml(mirror, authority), 6)}`);
  return {
    files: [],
    excerpts: [{ title: '.github/workflows/NAME.yml, steps of a job', text: steps.join('\n') }],
    after: [],
    notes: [
      `The runner must reach ${origin.url}: use runners of your own in its network. GitHub's hosted runners do so only if the mirror is public.`,
      'container: and services: of a job are pulled before its first step. For those, set up the Docker of the runner itself: entrepot setup docker --apply.',
      ...certificateNote(mirror, `${authority.replace(/ca\.crt$/u, 'client.cert')} and client.key`),
    ],
  };
}
