import { dockerHub, dockerHubHosts } from '../oci/docker-hub.ts';
import { registryErrors, type RegistryError } from '../oci/error.ts';
import { publicRegistries } from '../oci/public-registries.ts';
import {
  parseRepositoryName,
  repositoryKey,
  type Repository,
  type RepositoryName,
  type UpstreamName,
} from '../oci/reference.ts';
import type { PullTarget } from './mirror.ts';
import type { Upstream } from './upstream.ts';

/** The part of a target that says which repository is meant. */
export type NamedTarget = Pick<PullTarget, 'name' | 'namespace'>;

/** A name that begins with its registry. */
interface PrefixedName {
  readonly prefix: string;
  readonly rest: RepositoryName;
}

/** Says which upstream and which repositories a client may mean. What an upstream is besides its name does not matter here. */
export class Routing<U extends Pick<Upstream, 'name'> = Upstream> {
  readonly #upstreams: ReadonlyMap<string, U>;
  readonly #plain: U | undefined;

  /** @param plain the upstream of names that do not begin with one; undefined: such names mean nothing */
  constructor(upstreams: readonly U[], plain: UpstreamName | undefined) {
    this.#upstreams = new Map(upstreams.map((upstream) => [upstream.name, upstream]));
    this.#plain = plain === undefined ? undefined : this.#upstreams.get(plain);
  }

  get upstreams(): readonly U[] {
    return [...this.#upstreams.values()];
  }

  get plain(): U | undefined {
    return this.#plain;
  }

  /** Throws RegistryError `NAME_UNKNOWN` for one that is not mirrored. */
  upstream(name: UpstreamName): U {
    const upstream = this.#upstreams.get(name);
    if (upstream === undefined) throw this.#notMirrored(name, name);
    return upstream;
  }

  /**
   * The repositories that `target` may mean, likeliest first; never none. On Docker Hub a one-word name is
   * short for `library/…`; elsewhere it may be, since dockerd and podman add that prefix for every mirror.
   * @throws {RegistryError} `NAME_UNKNOWN` for what is not mirrored here
   */
  candidates(target: NamedTarget): readonly [Repository, ...Repository[]] {
    const { upstream, name } = this.#resolve(target);
    const given = { upstream: upstream.name, name };
    if (name.includes('/')) return [given];
    const official = parseRepositoryName(`library/${name}`);
    if (official === undefined) return [given];
    if (upstream.name === dockerHub) return [{ upstream: upstream.name, name: official }];
    return [given, { upstream: upstream.name, name: official }];
  }

  /**
   * How the catalog, searches and tokens name a repository: plain on the default upstream, behind the upstream's name on
   * others, and where a plain name would be taken for one that begins with its registry. No two have one name: tokens
   * grant what they name.
   */
  canonicalName(repository: Repository): string {
    const { upstream, name } = repository;
    const first = name.slice(0, Math.max(name.indexOf('/'), 0));
    const ambiguous = prefixed(name) !== undefined || this.#upstreams.has(first);
    return upstream === this.#plain?.name && !ambiguous ? name : repositoryKey(repository);
  }

  #resolve({ name, namespace }: NamedTarget): { readonly upstream: U; readonly name: RepositoryName } {
    const split = prefixed(name);
    const byPrefix = split === undefined ? undefined : this.#serving(split.prefix);
    if (namespace !== undefined) {
      const upstream = this.#serving(namespace);
      if (upstream === undefined) throw this.#notMirrored(name, namespace);
      if (split === undefined || byPrefix === undefined) return { upstream, name };
      if (byPrefix !== upstream)
        throw registryErrors.nameUnknown(name, `${namespace} and ${split.prefix} are different registries`);
      return { upstream, name: split.rest };
    }
    if (split !== undefined) {
      if (byPrefix === undefined) throw this.#notMirrored(name, split.prefix);
      return { upstream: byPrefix, name: split.rest };
    }
    if (this.#plain === undefined) throw this.#notMirrored(name, 'a name without its registry');
    return { upstream: this.#plain, name };
  }

  /**
   * The upstream that a client means by a registry's name. The default one, unless it is a known public registry, stands
   * in for Docker Hub where that is not mirrored: clients of a private registry as a mirror ask it for `docker.io`.
   */
  #serving(name: string): U | undefined {
    if (!dockerHubHosts.has(name)) return this.#upstreams.get(name);
    const hub = this.#upstreams.get(dockerHub);
    if (hub !== undefined || this.#plain === undefined) return hub;
    return isPublic(this.#plain.name) ? undefined : this.#plain;
  }

  #notMirrored(name: string, what: string): RegistryError {
    const served = [...this.#upstreams.keys()].join(', ');
    return registryErrors.nameUnknown(name, `${what} is not mirrored here; this mirror serves ${served}`);
  }
}

/** Splits off a first component that looks like a host, as Docker does: with a dot or a port, or `localhost`. */
function prefixed(name: RepositoryName): PrefixedName | undefined {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  if (!first.includes('.') && first !== 'localhost') return undefined;
  const rest = parseRepositoryName(name.slice(slash + 1));
  return rest === undefined ? undefined : { prefix: first, rest };
}

function isPublic(name: UpstreamName): boolean {
  return publicRegistries.some((host) => name === host || name.endsWith(`.${host}`));
}
