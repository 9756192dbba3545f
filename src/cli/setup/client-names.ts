/** Every client that `entrepot setup` knows, by the name on the command line, with what it is. */
export const clients = {
  docker: 'Docker Engine (dockerd)',
  containerd: 'containerd, and Kubernetes nodes that run it',
  buildkit: 'BuildKit, and builders of docker buildx',
  podman: 'podman, Buildah, skopeo and CRI-O',
  k3s: 'k3s',
  rke2: 'RKE2',
  kind: 'kind, Kubernetes in Docker',
  kubernetes: 'Kubernetes: the mirror in a cluster, and its nodes as clients',
  kaniko: 'kaniko',
  ollama: 'Ollama',
  'github-actions': 'jobs of GitHub Actions',
  'gitlab-ci': 'jobs of GitLab CI',
} as const;

export type ClientName = keyof typeof clients;

/** Clients with a `hosts.toml`, which depends on their version: what the version is of, and an example. */
export const versioned: ReadonlyMap<ClientName, string> = new Map([
  ['docker', 'Docker, such as 29.1'],
  ['containerd', 'containerd, such as 2.2'],
  ['kind', "the nodes' containerd, such as 2.2"],
  ['kubernetes', "the nodes' containerd, such as 2.2"],
]);

export const clientNames = Object.keys(clients) as readonly ClientName[];
