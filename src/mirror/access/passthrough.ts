import type { Clock } from '../../base/clock.ts';
import { registryErrors } from '../../oci/error.ts';
import { repositoryKey, type Repository } from '../../oci/reference.ts';
import type { BasicCredentials } from '../../base/basic-auth.ts';
import { LoginCache } from '../../base/login-cache.ts';
import { SingleFlight } from '../../base/single-flight.ts';
import type { Upstream } from '../upstream.ts';
import { isNotFound, isRefusal } from '../../upstream/failure-policy.ts';
import { probe, resourceKey, type Resource } from './resource.ts';

const rememberedMs = 60_000;
const maxRemembered = 10_000;
/** Checks at the same time: each opens a connection, and the limit slows down guessing of passwords. */
const maxChecks = 32;
/** Seconds. */
const retryAfter = 2;

/** Whether a reader's own registry credentials may read a repository; only its upstream is asked. */
export class Passthrough {
  readonly #logins: LoginCache;
  readonly #checks = new SingleFlight<boolean>();
  #underWay = 0;

  constructor(clock: Clock) {
    this.#logins = new LoginCache({ clock, maxAgeMs: rememberedMs, max: maxRemembered });
  }

  /** The outcome of the last minute for these credentials, if there is one. Never asks upstream. */
  remembered(repository: Repository, resource: Resource, credentials: BasicCredentials): boolean | undefined {
    const { whole, part } = this.#keys(repository, resource, credentials);
    return this.#logins.get(whole) ?? this.#logins.get(part);
  }

  /**
   * Whether upstream gives a resource to these credentials, or gave any of the repository in the last minute.
   * @throws {UpstreamError} when it cannot say
   * @throws {RegistryError} `TOOMANYREQUESTS` when too many are being checked
   */
  isReadable(
    upstream: Upstream,
    repository: Repository,
    resource: Resource,
    credentials: BasicCredentials,
  ): Promise<boolean> {
    const { whole, part } = this.#keys(repository, resource, credentials);
    const known = this.remembered(repository, resource, credentials);
    if (known !== undefined) return Promise.resolve(known);
    return this.#checks.run(part, async () => {
      if (this.#underWay >= maxChecks)
        throw registryErrors.tooManyRequests('too many logins at once', { retryAfter });
      this.#underWay += 1;
      await using registry = upstream.as(credentials);
      try {
        await probe(registry, repository, resource);
        return this.#logins.set(whole, true);
      } catch (error) {
        if (isNotFound(error)) return this.#logins.set(part, false);
        if (!isRefusal(error)) throw error;
        return this.#logins.set(whole, false);
      } finally {
        this.#underWay -= 1;
      }
    }).outcome;
  }

  /** The keys of outcomes for the repository as a whole, and for what is wanted of it. */
  #keys(
    repository: Repository,
    resource: Resource,
    { username, password }: BasicCredentials,
  ): { readonly whole: string; readonly part: string } {
    const name = repositoryKey(repository);
    return {
      whole: this.#logins.key([name, null, username, password]),
      part: this.#logins.key([name, resourceKey(resource), username, password]),
    };
  }
}
