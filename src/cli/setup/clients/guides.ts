import type { ClientName } from '../client-names.ts';
import type { MakeGuide } from '../guide.ts';
import { buildkit } from './buildkit.ts';
import { containerd } from './containerd.ts';
import { docker } from './docker.ts';
import { githubActions } from './github-actions.ts';
import { gitlabCi } from './gitlab-ci.ts';
import { k3s, rke2 } from './k3s.ts';
import { kaniko } from './kaniko.ts';
import { kind } from './kind.ts';
import { kubernetes } from './kubernetes.ts';
import { ollama } from './ollama.ts';
import { podman } from './podman.ts';

interface Client {
  readonly guide: MakeGuide;
  /** Where to remember what was written; undefined for clients without files on their machine. */
  readonly record: string | undefined;
}

export const guides: Readonly<Record<ClientName, Client>> = {
  docker: { guide: docker, record: '/etc/docker/entrepot-setup.json' },
  containerd: { guide: containerd, record: '/etc/containerd/entrepot-setup.json' },
  buildkit: { guide: buildkit, record: '/etc/buildkit/entrepot-setup.json' },
  podman: { guide: podman, record: '/etc/containers/entrepot-setup.json' },
  k3s: { guide: k3s, record: '/etc/rancher/k3s/entrepot-setup.json' },
  rke2: { guide: rke2, record: '/etc/rancher/rke2/entrepot-setup.json' },
  kind: { guide: kind, record: 'entrepot-setup.json' },
  kubernetes: { guide: kubernetes, record: undefined },
  kaniko: { guide: kaniko, record: undefined },
  ollama: { guide: ollama, record: undefined },
  'github-actions': { guide: githubActions, record: undefined },
  'gitlab-ci': { guide: gitlabCi, record: undefined },
};
