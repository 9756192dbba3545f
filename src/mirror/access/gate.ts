import type { Clock } from '../../base/clock.ts';
import type { Degradation } from '../../cache/degradation.ts';
import { registryErrors, type RegistryError } from '../../oci/error.ts';
import { repositoryKey, type Repository } from '../../oci/reference.ts';
import type { Routing } from '../../oci/routing.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { Connectivity } from '../../upstream/connectivity.ts';
import { clientError } from '../../upstream/failure-policy.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import type { ManifestEvidence } from '../blobs/entitlement.ts';
import type { Upstream } from '../upstream.ts';
import { Passthrough } from './passthrough.ts';
import { AccessPolicy, type AccessDecision, type AccessRules } from './policy.ts';
import { anonymous, type Reader } from './reader.ts';
import { notCached, notFound, type Resource } from './resource.ts';
import { Visibility } from './visibility.ts';

/** For credentials that the registry refused, or that may read nothing there: which of these is not told. */
const theirsDoNotHelp = 'no such image, or one that this login at the registry may not read';

export interface GateDeps {
  readonly routing: Routing<Upstream>;
  readonly access: AccessRules;
  /** Whether clients can log in to this mirror at all: then those that have not may delete nothing. */
  readonly canLogIn: boolean;
  /** Whether anything that is cached may be private, also of upstreams that are no longer mirrored. */
  readonly guarded: boolean;
  readonly metadata: MetadataStore;
  readonly degradation: Degradation;
  readonly connectivity: Pick<Connectivity, 'isOffline'>;
  readonly clock: Clock;
}

/**
 * Checks every request before the cache is looked at or an upstream is asked: first the operator's rules,
 * then what upstream shows.
 */
export class Gate {
  readonly #deps: GateDeps;
  readonly #policy: AccessPolicy;
  readonly #visibility: Visibility;
  readonly #passthrough: Passthrough;

  constructor(deps: GateDeps) {
    this.#deps = deps;
    this.#policy = new AccessPolicy(deps.access, deps.canLogIn);
    this.#visibility = new Visibility(deps);
    this.#passthrough = new Passthrough(deps.clock);
  }

  /**
   * Admits a reader to a repository: undefined when it is admitted at once, else a promise that resolves when
   * upstream has confirmed that it is public, or that these credentials may read it.
   * @throws {RegistryError} synchronously for what the rules forbid; the promise rejects with a 404, as for
   * what does
   * not exist, for what upstream does not show this reader, and with the real cause when upstream cannot say
   */
  admit(repository: Repository, reader: Reader, resource: Resource): Promise<void> | undefined {
    const asking = this.#allowed(repository, reader);
    const upstream = this.#upstream(repository);
    if (this.#seesAll(upstream, asking) || this.#visibility.isFreshlyPublic(repository)) return undefined;
    return this.#check(upstream, repository, asking, resource);
  }

  /** Whether {@link admit} would admit a reader at once, right now, from memory. */
  admitsAtOnce(repository: Repository, reader: Reader): boolean {
    const asking = this.#readerOf(reader, repository);
    return (
      this.#policy.decide(repository, asking) === 'allowed' &&
      (this.#seesAll(this.#upstream(repository), asking) || this.#visibility.isFreshlyPublic(repository))
    );
  }

  /**
   * Admits a reader to what is cached of a repository. Upstream is not asked: its remembered answers count,
   * and without any a repository is hidden. Rejects as {@link admit} does, with the 404 for what is not
   * cached.
   */
  async admitToCached(repository: Repository, reader: Reader, resource: Resource): Promise<void> {
    const asking = this.#allowed(repository, reader);
    if (this.#seesAll(this.#upstream(repository), asking)) return;
    if (await this.#visibility.wasPublicLately(repository)) return;
    const { credentials } = asking;
    if (credentials !== undefined && this.#passthrough.remembered(repository, resource, credentials) === true)
      return;
    throw notCached(resource, this.#hiding(repository, asking));
  }

  /**
   * Admits a reader who may delete what is cached of a repository: who may read it, and is logged in here
   * where clients can, with a token that grants it if there is one. Names come first, so that refusals reveal
   * nothing of what is cached. Rejects as {@link admitToCached}, and with a 401 or 403 for a reader who may
   * not delete.
   */
  async admitToDelete(repository: Repository, reader: Reader, resource: Resource): Promise<void> {
    const { user, credentials, deletable } = reader;
    if (this.#deps.canLogIn && user === undefined && credentials !== undefined) {
      throw registryErrors.denied(
        'credentials for the registry do not allow deletions: log in with an account of the mirror',
      );
    }
    if (this.#deps.canLogIn && (user === undefined || !this.#grants(deletable, repository)))
      throw registryErrors.loginRequired({ repository: this.#canonicalName(repository) });
    // Tokens for deletions grant nothing else, as registry:2 asks for them: they imply the right to see it.
    await this.admitToCached(repository, { ...reader, repositories: deletable }, resource);
  }

  /**
   * Admits the mirror's operator, who may have all that is mirrored.
   * @throws {RegistryError} for what is not
   */
  admitOperator(repository: Repository): void {
    if (!this.#policy.mirrors(repositoryKey(repository))) throw refusal('not-mirrored', undefined);
  }

  /**
   * Asks upstream whether a repository is public, unless that is known: so that readers without rights to what
   * is private get it later, when upstream cannot be asked. Never rejects for a failure of upstream.
   */
  async learnVisibility(repository: Repository, resource: Resource): Promise<void> {
    const upstream = this.#upstream(repository);
    if (upstream.anonymous !== undefined)
      await settled(this.#visibility.isReadable(upstream, repository, resource));
  }

  /** @throws {RegistryError} for a reader who may not use the catalog or search at all */
  admitToCatalog(reader: Reader): void {
    const decision = this.#policy.decideOnReader(reader);
    if (decision !== 'allowed') throw refusal(decision, undefined);
  }

  /** Whether the rules let a reader ask for a repository; what upstream shows of it is another matter. */
  allows(repository: Repository, reader: Reader): boolean {
    return this.#policy.decide(repository, this.#readerOf(reader, repository)) === 'allowed';
  }

  /** Whether a reader sees only the public repositories of an upstream. */
  showsOnlyPublic(upstream: Upstream, reader: Reader): boolean {
    return !this.#seesAll(upstream, reader);
  }

  /** Whether a reader may see a cached repository's name. Never asks upstream. */
  async shows(repository: Repository, reader: Reader): Promise<boolean> {
    const asking = this.#readerOf(reader, repository);
    if (this.#policy.decide(repository, asking) !== 'allowed') return false;
    return (
      this.#seesAll(this.#upstream(repository), asking) || (await this.#visibility.wasPublic(repository))
    );
  }

  /** Whether a manifest that names a blob gives a reader the right to it: who may read all that is cached. */
  manifestEvidence(reader: Reader): ManifestEvidence {
    return this.#policy.readsEverything(reader, this.#deps.guarded) ? 'suffices' : 'needs-proof';
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
    const trouble = publicly === false ? personally : publicly;
    const options = { ...this.#hiding(repository, reader), cause: trouble || undefined };
    const absent = (): RegistryError => notFound(resource, options, credentials && theirsDoNotHelp);
    throw trouble === false ? absent() : clientError(trouble, absent);
  }

  /**
   * The reader as it counts for a repository that the rules let it ask for.
   * @throws {RegistryError} for what they forbid
   */
  #allowed(repository: Repository, reader: Reader): Reader {
    const asking = this.#readerOf(reader, repository);
    const decision = this.#policy.decide(repository, asking);
    if (decision === 'allowed') return asking;
    throw refusal(decision, this.#canonicalName(repository));
  }

  /** Whether a reader sees all of an upstream's repositories that the rules allow, public or not. */
  #seesAll(upstream: Upstream, reader: Reader): boolean {
    return upstream.anonymous === undefined || this.#policy.readsPrivate(reader);
  }

  /** The reader as it counts for a repository: anonymous, if a token does not grant the repository. */
  #readerOf(reader: Reader, repository: Repository): Reader {
    return this.#grants(reader.repositories, repository) ? reader : anonymous;
  }

  /** Whether a token grants a repository; undefined for a reader whom no token limits. */
  #grants(names: ReadonlySet<string> | undefined, repository: Repository): boolean {
    if (names === undefined) return true;
    return names.has(this.#canonicalName(repository)) || names.has(repositoryKey(repository));
  }

  /** What a 404 says that may hide something from a reader. */
  #hiding(repository: Repository, { credentials }: Reader) {
    return { hidden: credentials === undefined, repository: this.#canonicalName(repository) };
  }

  #canonicalName(repository: Repository): string {
    return this.#deps.routing.canonicalName(repository);
  }

  #upstream(repository: Repository): Upstream {
    return this.#deps.routing.upstream(repository.upstream);
  }
}

function refusal(
  decision: Exclude<AccessDecision, 'allowed'>,
  repository: string | undefined,
): RegistryError {
  switch (decision) {
    case 'login':
      return registryErrors.loginRequired({ repository });
    case 'denied':
      return registryErrors.denied('access to this repository is not allowed');
    case 'not-mirrored':
      return registryErrors.denied('this repository is not mirrored here');
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
