import { registryErrors, type RegistryError } from '../../oci/error.ts';
import { repositoryKey, type Repository } from '../../oci/reference.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import { anonymous, type Reader } from './reader.ts';
import type { Routing } from '../../oci/routing.ts';
import type { ManifestEvidence } from '../blobs/entitlement.ts';
import type { Upstream } from '../upstream.ts';
import { clientError } from '../../upstream/failure-policy.ts';
import type { Passthrough } from './passthrough.ts';
import type { AccessPolicy, AccessDecision } from './policy.ts';
import type { Visibility } from './visibility.ts';
import { notCached, unknown, type Resource } from './resource.ts';

/** For credentials of the registry that it refused, or that have nothing to see there: which of these is not told. */
const theirsDoNotHelp = 'no such image, or one that this login at the registry may not read';

export interface GateOptions {
  readonly routing: Routing<Upstream>;
  readonly policy: AccessPolicy;
  readonly visibility: Visibility;
  readonly passthrough: Passthrough;
  /** Whether anything that is cached may be private, also of upstreams that are no longer mirrored. */
  readonly guarded: boolean;
}

/** Checks every request before the cache is looked at or an upstream is asked: first the operator's rules, then what upstream shows. */
export class Gate {
  readonly #routing: Routing<Upstream>;
  readonly #policy: AccessPolicy;
  readonly #visibility: Visibility;
  readonly #passthrough: Passthrough;
  readonly #guarded: boolean;

  constructor({ routing, policy, visibility, passthrough, guarded }: GateOptions) {
    this.#routing = routing;
    this.#policy = policy;
    this.#visibility = visibility;
    this.#passthrough = passthrough;
    this.#guarded = guarded;
  }

  /**
   * Admits a reader to a repository: undefined when it is admitted at once, else a promise that resolves when upstream has
   * confirmed that everybody, or a reader with these credentials, may read it.
   * @throws {RegistryError} synchronously for what the rules forbid; the promise rejects with a 404, as for what does not
   * exist, for what upstream does not show this reader, and with the real cause when upstream cannot say
   */
  admit(repository: Repository, reader: Reader, resource: Resource): Promise<void> | undefined {
    const asking = this.#allowed(repository, reader);
    const upstream = this.#routing.upstream(repository.upstream);
    if (this.#seesAll(upstream, asking) || this.#visibility.isFreshlyPublic(repository)) return undefined;
    return this.#check(upstream, repository, asking, resource);
  }

  /** Whether {@link admit} would admit a reader at once, right now. Looks at what is remembered, and asks nobody. */
  admitsAtOnce(repository: Repository, reader: Reader): boolean {
    const asking = this.#readerOf(reader, repository);
    return (
      this.#policy.decide(repository, asking) === 'allowed' &&
      (this.#seesAll(this.#routing.upstream(repository.upstream), asking) ||
        this.#visibility.isFreshlyPublic(repository))
    );
  }

  /**
   * Admits a reader to what is cached of a repository. Upstream is not asked: what is remembered of its answers counts, and
   * a repository of which nothing is remembered is hidden. Rejects as {@link admit} does, with the 404 for what is not cached.
   */
  async admitToCached(repository: Repository, reader: Reader, resource: Resource): Promise<void> {
    const asking = this.#allowed(repository, reader);
    const upstream = this.#routing.upstream(repository.upstream);
    if (this.#seesAll(upstream, asking) || (await this.#visibility.wasPublicLately(repository))) return;
    const { credentials } = asking;
    if (
      credentials !== undefined &&
      this.#passthrough.remembered(repository, resource, credentials) === true
    ) {
      return;
    }
    throw notCached(resource, {
      hidden: credentials === undefined,
      repository: this.#routing.canonicalName(repository),
    });
  }

  /** @throws {RegistryError} for a reader who may not use the catalog or search at all */
  admitToCatalog(reader: Reader): void {
    const decision = this.#policy.decideOnReader(reader);
    if (decision !== 'allowed') throw this.#refusal(decision, undefined);
  }

  /** Whether the rules let a reader ask for a repository; what upstream shows of it is another matter. */
  allows(repository: Repository, reader: Reader): boolean {
    return this.#policy.decide(repository, this.#readerOf(reader, repository)) === 'allowed';
  }

  /** Whether a reader sees only the public repositories of an upstream. */
  showsOnlyPublic(upstream: Upstream, reader: Reader): boolean {
    return !this.#seesAll(upstream, reader);
  }

  /** Whether it is enough for a reader that a manifest names a blob: if all that is cached may be theirs anyway. */
  manifestEvidence(reader: Reader): ManifestEvidence {
    return this.#readsEverything(reader) ? 'suffices' : 'needs-proof';
  }

  #readsEverything(reader: Reader): boolean {
    return (
      reader.repositories === undefined &&
      this.#policy.isUnlimited(reader) &&
      (this.#policy.readsPrivate(reader) || !this.#guarded)
    );
  }

  /** Whether a reader may see a cached repository's name. Never asks upstream. */
  async shows(repository: Repository, reader: Reader): Promise<boolean> {
    const asking = this.#readerOf(reader, repository);
    if (this.#policy.decide(repository, asking) !== 'allowed') return false;
    const upstream = this.#routing.upstream(repository.upstream);
    return this.#seesAll(upstream, asking) || (await this.#visibility.wasPublic(repository));
  }

  /**
   * The reader as it counts for a repository that the rules let it ask for.
   * @throws {RegistryError} for what they forbid
   */
  #allowed(repository: Repository, reader: Reader): Reader {
    const asking = this.#readerOf(reader, repository);
    const decision = this.#policy.decide(repository, asking);
    if (decision === 'allowed') return asking;
    throw this.#refusal(decision, this.#routing.canonicalName(repository));
  }

  /** Whether a reader sees all of an upstream's repositories that the rules allow, public or not. */
  #seesAll(upstream: Upstream, reader: Reader): boolean {
    return upstream.anonymous === undefined || this.#policy.readsPrivate(reader);
  }

  async #check(
    upstream: Upstream,
    repository: Repository,
    reader: Reader,
    resource: Resource,
  ): Promise<void> {
    const publicly = await settled(this.#visibility.isReadable(upstream, repository, resource));
    if (publicly === true) return;
    const { credentials } = reader;
    // Upstream may limit requests without credentials and still accept these.
    const personally =
      credentials !== undefined &&
      (await settled(this.#passthrough.isReadable(upstream, repository, resource, credentials)));
    if (personally === true) return;
    const absent = (): RegistryError =>
      unknown(
        resource,
        { hidden: credentials === undefined, repository: this.#routing.canonicalName(repository) },
        credentials && theirsDoNotHelp,
      );
    const trouble = publicly === false ? personally : publicly;
    throw trouble === false ? absent() : clientError(trouble, absent);
  }

  /** The reader as it counts for a repository: one whose token does not grant the repository counts as anonymous. */
  #readerOf(reader: Reader, repository: Repository): Reader {
    const { repositories } = reader;
    if (repositories === undefined) return reader;
    const granted =
      repositories.has(this.#routing.canonicalName(repository)) ||
      repositories.has(repositoryKey(repository));
    return granted ? reader : anonymous;
  }

  #refusal(decision: Exclude<AccessDecision, 'allowed'>, repository: string | undefined): RegistryError {
    switch (decision) {
      case 'login':
        return registryErrors.loginRequired({ repository });
      case 'denied':
        return registryErrors.denied('access to this repository is not allowed');
      case 'not-mirrored':
        return registryErrors.denied('this repository is not mirrored here');
    }
  }
}

/** The answer, or why upstream could not give one. */
async function settled(answer: Promise<boolean>): Promise<boolean | UpstreamError> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof UpstreamError) return error;
    throw error;
  }
}
