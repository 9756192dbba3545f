import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { isWithin, type Clock } from '../../clock.ts';
import { registryErrors } from '../../oci/error.ts';
import { repositoryKey, type Repository } from '../../oci/reference.ts';
import type { BasicCredentials } from '../../upstream/auth/credentials.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import { SingleFlight } from '../single-flight.ts';
import type { Upstream } from '../upstream.ts';
import { probe, wantedKey, type Wanted } from './wanted.ts';

const verdictMs = 60_000;
const remembered = 10_000;
/** Checks under way at once: each opens a connection of its own, and the limit slows down guessing of passwords. */
const maxChecks = 32;
/** Seconds. */
const retryAfter = 2;

interface Verdict {
  readonly readable: boolean;
  readonly checkedAt: number;
}

/**
 * Whether a reader's own registry credentials may read a repository; only the repository's upstream is asked. What is
 * remembered of them is a keyed hash, with a key that exists only in this process.
 */
export class Passthrough {
  readonly #clock: Clock;
  readonly #key = randomBytes(32);
  readonly #verdicts = new LRUCache<string, Verdict>({ max: remembered });
  readonly #checks = new SingleFlight<boolean>();
  #underWay = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Whether upstream gives what is wanted to these credentials, or gave anything of the repository within the last minute.
   * @throws {UpstreamError} when it cannot say
   * @throws {RegistryError} `TOOMANYREQUESTS` when too many are being checked
   */
  isReadable(
    upstream: Upstream,
    repository: Repository,
    wanted: Wanted,
    credentials: BasicCredentials,
  ): Promise<boolean> {
    const whole = this.#hash(repository, credentials);
    const part = this.#hash(repository, credentials, wanted);
    const verdict = this.#fresh(whole) ?? this.#fresh(part);
    if (verdict !== undefined) return Promise.resolve(verdict.readable);
    return this.#checks.run(part, async () => {
      if (this.#underWay >= maxChecks)
        throw registryErrors.tooManyRequests('too many logins at once', { retryAfter });
      this.#underWay += 1;
      const registry = upstream.as(credentials);
      try {
        await probe(registry, repository, wanted);
        return this.#remember(whole, true);
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        if (error.kind === 'not-found') return this.#remember(part, false);
        const refused = error.kind === 'unauthorized' || error.kind === 'denied';
        if (!refused) throw error;
        return this.#remember(whole, false);
      } finally {
        this.#underWay -= 1;
        await registry.close();
      }
    }).outcome;
  }

  #fresh(hash: string): Verdict | undefined {
    const verdict = this.#verdicts.get(hash);
    return isWithin(this.#clock, verdictMs, verdict?.checkedAt) ? verdict : undefined;
  }

  #remember(hash: string, readable: boolean): boolean {
    this.#verdicts.set(hash, { readable, checkedAt: this.#clock.now() });
    return readable;
  }

  #hash(repository: Repository, { username, password }: BasicCredentials, wanted?: Wanted): string {
    const what = wanted === undefined ? null : wantedKey(wanted);
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([repositoryKey(repository), what, username, password]))
      .digest('base64');
  }
}
