import type { Clock } from '../../base/clock.ts';
import { SingleFlight } from '../../base/single-flight.ts';
import type { BasicCredentials } from '../../base/basic-auth.ts';
import { LoginCache } from '../../base/login-cache.ts';
import type { Bcrypt } from './bcrypt.ts';
import { costOf, type Accounts } from './htpasswd.ts';
import type { HtpasswdFile } from './htpasswd-file.ts';

/** How long the outcome of a check holds; a changed password file ends it at once. */
const rememberedMs = 5 * 60_000;
const maxRemembered = 10_000;

/** htpasswd's own, for a file without accounts. */
const defaultCost = 5;

/**
 * Checks passwords against a password file. Outcomes are cached: a pull of thirty layers costs one bcrypt.
 */
export class Passwords {
  readonly #file: HtpasswdFile;
  readonly #bcrypt: Pick<Bcrypt, 'compare'>;
  readonly #logins: LoginCache;
  readonly #checks = new SingleFlight<boolean>();

  constructor(file: HtpasswdFile, bcrypt: Pick<Bcrypt, 'compare'>, clock: Clock) {
    this.#file = file;
    this.#bcrypt = bcrypt;
    this.#logins = new LoginCache({ clock, maxAgeMs: rememberedMs, max: maxRemembered });
  }

  /** Rejects with RegistryError when too many checks wait already. */
  async check(credentials: BasicCredentials, client: string): Promise<'right' | 'wrong' | 'unknown'> {
    const accounts = await this.#file.accounts();
    const hash = accounts.get(credentials.username);
    // An unknown name costs the same bcrypt as a known one, so that timing does not reveal which names exist.
    const right = await this.#matches(credentials, hash ?? decoy(accounts), client);
    if (hash === undefined) return 'unknown';
    return right ? 'right' : 'wrong';
  }

  async #matches({ username, password }: BasicCredentials, hash: string, client: string): Promise<boolean> {
    const key = this.#logins.key([hash, username, password]);
    const known = this.#logins.get(key);
    if (known !== undefined) return known;
    const { outcome } = this.#checks.run(key, async () =>
      this.#logins.set(key, await this.#bcrypt.compare(password, hash, client)),
    );
    return await outcome;
  }
}

/** A hash of no known password, as costly as the costliest in use. */
function decoy(accounts: Accounts): string {
  const cost = Math.max(defaultCost, ...[...accounts.values()].map(costOf));
  return `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(53)}`;
}
