import { dockerHub, dockerHubHosts } from './docker-hub.ts';
import { registryErrors, type RegistryError } from './error.ts';
import { isPublicRegistry } from './public-registries.ts';
import {
  parseRepositoryName,
  repositoryKey,
  type Repository,
  type RepositoryName,
  type UpstreamName,
} from './reference.ts';

/** What stands before one-word names on Docker Hub. */
const library = 'library/';

/** What a client asks for, as far as it says which repository is meant. */
export interface NamedTarget {
  /** As written; its first component may be the registry: `ghcr.io/owner/image`. */
  readonly name: RepositoryName;
  /** The registry that is meant, if `?ns=`, the request's host or the listener says so. */
  readonly namespace: UpstreamName | undefined;
}

/** An upstream as far as names go. */
export interface NamedUpstream {
  readonly name: UpstreamName;
}

/** A name that begins with its registry. */
interface PrefixedName {
  readonly prefix: string;
  readonly rest: RepositoryName;
}

/** What a name may mean, likeliest first, before it is known how that registry spells it. */
type Meanings = readonly [Repository, ...Repository[]];

/** Who answers for a registry's name. */
interface Serving {
  readonly name: UpstreamName;
  /** Not that registry itself. */
  readonly standsIn: boolean;
}

/** Which upstream and which repositories a client may mean. */
export class Routing<U extends NamedUpstream> {
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
   * The repositories that `target` may mean, likeliest first. On Docker Hub a one-word name is short for
   * `library/…`; elsewhere it may be, since dockerd and podman add that prefix for every mirror.
   * @throws {RegistryError} `NAME_UNKNOWN` for what is not mirrored here
   */
  candidates(target: NamedTarget): readonly [Repository, ...Repository[]] {
    const [likeliest, ...others] = this.#meanings(target);
    const first = spellings(likeliest);
    return others.length === 0 ? first : [...first, ...others.flatMap(spellings)];
  }

  /**
   * How the catalog, searches and tokens name a repository: plain on the default upstream, after the
   * upstream's name on others, and where a plain name would be ambiguous. Unique, since tokens grant what
   * they name.
   */
  canonicalName(repository: Repository): string {
    const { upstream, name } = repository;
    const first = name.slice(0, Math.max(name.indexOf('/'), 0));
    const ambiguous = prefixed(name) !== undefined || this.#upstreams.has(first);
    return upstream === this.#plain?.name && !ambiguous ? name : repositoryKey(repository);
  }

  /**
   * All names that {@link candidates} takes for a repository, its full name first. Patterns are matched
   * against these.
   */
  writtenNames({ upstream, name }: Repository): readonly string[] {
    const short = name.startsWith(library) && !name.slice(library.length).includes('/');
    const spelled = short ? [name, name.slice(library.length)] : [name];
    const aliases = [...dockerHubHosts].filter(
      (host) => host !== upstream && this.#serving(host)?.name === upstream,
    );
    const full = [upstream, ...aliases].flatMap((registry) => spelled.map((one) => `${registry}/${one}`));
    return upstream === this.#plain?.name && this.#isPlainName(name) ? [...full, ...spelled] : full;
  }

  /** Whether the default upstream is meant by a name of its own, as it is. */
  #isPlainName(name: RepositoryName): boolean {
    const split = prefixed(name);
    if (split === undefined || this.#plain === undefined) return split === undefined;
    return this.#serving(split.prefix)?.standsIn !== false && mayHave(this.#plain.name, split.prefix);
  }

  #meanings({ name, namespace }: NamedTarget): Meanings {
    const split = prefixed(name);
    const byPrefix = split === undefined ? undefined : this.#serving(split.prefix);
    if (namespace !== undefined) {
      const upstream = this.#serving(namespace)?.name;
      if (upstream === undefined) throw this.#notMirrored(name, namespace);
      const given = { upstream, name };
      if (split === undefined || byPrefix === undefined) return [given];
      if (byPrefix.name !== upstream)
        throw registryErrors.nameUnknown(name, `${namespace} and ${split.prefix} are different registries`);
      const within = { upstream, name: split.rest };
      return byPrefix.standsIn ? [given, within] : [within];
    }
    if (split === undefined) {
      if (this.#plain === undefined) throw this.#notMirrored(name, 'a name without its registry');
      return [{ upstream: this.#plain.name, name }];
    }
    if (byPrefix?.standsIn === false) return [{ upstream: byPrefix.name, name: split.rest }];
    if (this.#plain === undefined || !mayHave(this.#plain.name, split.prefix))
      throw this.#notMirrored(name, split.prefix);
    const given = { upstream: this.#plain.name, name };
    return byPrefix === undefined ? [given] : [given, { upstream: byPrefix.name, name: split.rest }];
  }

  /**
   * The upstream that a registry's name means. The default one, unless it is a public registry, stands in for
   * Docker Hub where that is not mirrored: clients of a private mirror ask it for `docker.io`.
   */
  #serving(name: string): Serving | undefined {
    const upstream = this.#upstreams.get(dockerHubHosts.has(name) ? dockerHub : name);
    if (upstream !== undefined) return { name: upstream.name, standsIn: false };
    if (!dockerHubHosts.has(name) || this.#plain === undefined || isPublicRegistry(this.#plain.name))
      return undefined;
    return { name: this.#plain.name, standsIn: true };
  }

  #notMirrored(name: string, what: string): RegistryError {
    const served = [...this.#upstreams.keys()].join(', ');
    return registryErrors.nameUnknown(name, `${what} is not mirrored here; this mirror serves ${served}`);
  }
}

/** Splits off a first component that looks like a host to Docker: with a dot or a port, or `localhost`. */
function prefixed(name: RepositoryName): PrefixedName | undefined {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  if (!first.includes('.') && first !== 'localhost') return undefined;
  const rest = parseRepositoryName(name.slice(slash + 1));
  return rest === undefined ? undefined : { prefix: first, rest };
}

/** A repository, and what it may be called there instead. */
function spellings({ upstream, name }: Repository): readonly [Repository, ...Repository[]] {
  const given = { upstream, name };
  if (name.includes('/')) return [given];
  const official = parseRepositoryName(`${library}${name}`);
  if (official === undefined) return [given];
  return upstream === dockerHub ? [{ upstream, name: official }] : [given, { upstream, name: official }];
}

/**
 * Whether a registry may have repositories whose first part looks like a host. Docker Hub has none: to ask
 * would only tell it which registries are used here. On other public registries anybody could take the name
 * of a known registry and be pulled in its place. A private registry has what its owner likes, such as a
 * project `docker.io`.
 */
function mayHave(registry: UpstreamName, first: string): boolean {
  if (registry === dockerHub) return false;
  const isKnown = dockerHubHosts.has(first) || first === 'localhost' || isPublicRegistry(first);
  return !isPublicRegistry(registry) || !isKnown;
}
