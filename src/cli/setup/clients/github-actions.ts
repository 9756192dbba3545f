import type { Guide } from '../guide.ts';
import type { MirrorAddress } from '../mirror-address.ts';
import { buildkitdToml } from './buildkit.ts';
import { dockerdAddresses, hubMirror } from './dockerd.ts';
import { indent } from './indent.ts';
import { certificateNote } from './notes.ts';

export function githubActions(mirror: MirrorAddress): Guide {
  const { origin, ca, login } = mirror;
  const hub = hubMirror(mirror);
  const addresses = dockerdAddresses(mirror);
  const folders = addresses.map((at) => `/etc/docker/certs.d/${at.authority}`);
  const certs = `/etc/docker/certs.d/${origin.authority}`;
  const steps: string[] = [];
  if (ca !== undefined) {
    steps.push(`- name: Trust the authority of the mirror
  run: |
    sudo mkdir -p ${folders.join(' ')}
    sudo tee ${folders.map((folder) => `${folder}/ca.crt`).join(' ')} > /dev/null <<'PEM'
${indent(ca, 4)}    PEM
`);
  }
  const isInsecure = !origin.secure && (hub !== undefined || login !== 'none');
  if (hub !== undefined || isInsecure) {
    const settings = {
      ...(hub === undefined ? undefined : { 'registry-mirrors': [hub.url] }),
      ...(isInsecure ? { 'insecure-registries': addresses.map(({ authority }) => authority) } : undefined),
    };
    const purpose =
      hub === undefined ? 'Let Docker use the mirror' : 'Pull images of Docker Hub through the mirror';
    steps.push(`- name: ${purpose}
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
${indent(buildkitdToml(mirror, `${certs}/ca.crt`), 6)}`);
  return {
    snippets: [{ title: '.github/workflows/NAME.yml, steps of a job', text: steps.join('\n') }],
    notes: [
      `The runner must reach ${origin.url}: use runners of your own in its network. GitHub's hosted runners do so only if the mirror is public.`,
      'container: and services: of a job are pulled before its first step. For those, set up the Docker of the runner itself: entrepot setup docker --apply.',
      certificateNote(mirror, `${certs}/client.cert and client.key`),
    ],
  };
}
