import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { CredentialProvider, Credentials } from '../auth/credentials.ts';
import { RenewingCache, type Perishable } from '../auth/renewing-cache.ts';
import { serverKey } from './server-key.ts';

/** How long it counts, in milliseconds, that a helper has no credentials: a login is noticed soon. */
const absenceMs = 60_000;

/** How often, in milliseconds, a refusal may run a helper again: its answer may be refused every time. */
const refusalPauseMs = 60_000;

/** The helper to ask; a `helperProgram` outside of tests. */
export interface Helper {
  readonly name: string;
  /** What it knows of the server that Docker calls `key`. */
  get(key: string): Promise<Credentials | undefined>;
}

interface HelperProviderDeps {
  readonly helper: Helper;
  /** How long what it says is used, in milliseconds; 0 runs it for every request, Infinity once. */
  readonly lifetimeMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A helper's credentials, cached and renewed before they are too old. Failures are not cached. */
export class HelperProvider implements CredentialProvider {
  readonly #cache: RenewingCache<Credentials | undefined>;
  /** By server key, in milliseconds since the epoch. */
  readonly #refusedAt = new Map<string, number>();
  readonly #deps: HelperProviderDeps;

  constructor(deps: HelperProviderDeps) {
    this.#cache = new RenewingCache(deps.clock, deps.logger);
    this.#deps = deps;
  }

  /** @throws {CredentialError} when the helper fails */
  async get(host: string): Promise<Credentials | undefined> {
    const key = serverKey(host);
    const { value } = await this.#cache.get(key, () => this.#ask(key));
    return value;
  }

  refused(host: string): void {
    const key = serverKey(host);
    const now = this.#deps.clock.now();
    if (now < (this.#refusedAt.get(key) ?? -Infinity) + refusalPauseMs) return;
    this.#refusedAt.set(key, now);
    this.#cache.forget(key);
  }

  async #ask(key: string): Promise<Perishable<Credentials | undefined>> {
    const { helper, lifetimeMs, clock, logger } = this.#deps;
    const about = { helper: helper.name, server: key };
    const since = clock.now();
    try {
      const value = await helper.get(key);
      logger.debug({ ...about, found: value !== undefined }, 'the credential helper answered');
      const usedMs = value === undefined ? Math.min(lifetimeMs, absenceMs) : lifetimeMs;
      return { value, since, expiresAt: since + usedMs };
    } catch (error) {
      logger.warn({ ...about, err: error }, 'the credential helper failed');
      throw error;
    }
  }
}
