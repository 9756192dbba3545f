import { dockerHub, dockerHubHosts } from '../oci/docker-hub.ts';
import { registryErrors } from '../oci/error.ts';
import { parseRepositoryName, type Repository, type UpstreamName } from '../oci/reference.ts';
import type { PullTarget } from './mirror.ts';
import type { Upstream } from './upstream.ts';

/** Says which upstream and which repositories a client may mean. */
export class Routing {
  readonly #upstream: Upstream;

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
  }

  get upstreams(): readonly [Upstream, ...Upstream[]] {
    return [this.#upstream];
  }

  upstream(name: UpstreamName): Upstream {
    if (name !== this.#upstream.name) throw registryErrors.nameUnknown(name);
    return this.#upstream;
  }

  /**
   * The repositories that `target` may mean, likeliest first; never none. On Docker Hub a one-word name is
   * short for `library/…`; elsewhere it may be, since dockerd and podman add that prefix for every mirror.
   * @throws {RegistryError} `NAME_UNKNOWN` for a namespace that is not mirrored here
   */
  candidates({ name, namespace }: PullTarget): readonly [Repository, ...Repository[]] {
    const upstream = this.#upstream.name;
    if (namespace !== undefined && !this.#serves(namespace)) {
      throw registryErrors.nameUnknown(
        name,
        `${namespace} is not mirrored here; this mirror serves ${upstream}`,
      );
    }
    const given = { upstream, name };
    if (name.includes('/')) return [given];
    const official = parseRepositoryName(`library/${name}`);
    if (official === undefined) return [given];
    if (upstream === dockerHub) return [{ upstream, name: official }];
    return [given, { upstream, name: official }];
  }

  /** An upstream other than a known public registry may stand in for Docker Hub: clients then ask it for `docker.io`. */
  #serves(namespace: UpstreamName): boolean {
    if (namespace === this.#upstream.name) return true;
    return (
      dockerHubHosts.has(namespace) && (this.#upstream.name === dockerHub || !isPublic(this.#upstream.name))
    );
  }
}

const publicRegistries = [
  'ghcr.io',
  'quay.io',
  'gcr.io',
  'registry.k8s.io',
  'mcr.microsoft.com',
  'public.ecr.aws',
  'nvcr.io',
  'lscr.io',
  'registry.gitlab.com',
];

function isPublic(name: UpstreamName): boolean {
  return publicRegistries.some((host) => name === host || name.endsWith(`.${host}`));
}
