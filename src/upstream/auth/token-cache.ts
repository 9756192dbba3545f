import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../telemetry/log.ts';
import { RenewingCache, type CachedValue } from './renewing-cache.ts';
import type { Token } from './token.ts';

/** What a token is kept by. */
export interface TokenKey {
  /**
   * The fingerprint of the credentials, or undefined for an anonymous token. Other credentials, if only another password
   * of the same user, are another account: its tokens are not those of the old one.
   */
  readonly account: string | undefined;
  readonly realm: URL;
  readonly service: string | undefined;
  /** Merged and sorted. */
  readonly scope: string;
}

/** The tokens of one upstream. */
export class TokenCache {
  readonly #tokens: RenewingCache<string>;

  constructor(clock: Clock, logger: Logger) {
    this.#tokens = new RenewingCache(clock, logger);
  }

  /** The token for `key`, from `fetch` when there is none. `signal` ends the wait, not the fetch. */
  get(key: TokenKey, fetch: () => Promise<Token>, signal?: AbortSignal): Promise<CachedValue<string>> {
    return this.#tokens.get(identify(key), fetch, signal);
  }

  /** Forgets a token that the upstream refused; a newer one under the same key stays. */
  forget(key: TokenKey, value: string): void {
    const id = identify(key);
    if (this.#tokens.peek(id)?.value === value) this.#tokens.forget(id);
  }
}

function identify({ account, realm, service, scope }: TokenKey): string {
  return JSON.stringify([account ?? null, realm.href, service ?? null, scope]);
}
