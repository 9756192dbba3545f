import { LRUCache } from 'lru-cache';
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { Token } from './token.ts';
import { abandonable } from './abandonable.ts';

/** The part of a token's life after which the next one is fetched, while this one is still used. */
const renewalPoint = 0.85;

const maxTokens = 1000;

/** What a token is kept by. */
export interface TokenKey {
  /** The user name, or undefined for an anonymous token. */
  readonly account: string | undefined;
  readonly realm: URL;
  readonly service: string | undefined;
  /** Merged and sorted. */
  readonly scope: string;
}

export interface CachedToken {
  readonly value: string;
  /** Whether it was in the cache already; else it was fetched for this very request. */
  readonly remembered: boolean;
}

interface Entry {
  readonly token: Token;
  /** Milliseconds since the epoch. */
  renewAt: number;
}

/**
 * The tokens of one upstream. One fetch per key at a time, which belongs to no caller: one who gives up leaves it to the
 * others. Failures are not kept. An expired token is never given out; one near its end is renewed in the background.
 */
export class TokenCache {
  readonly #entries = new LRUCache<string, Entry>({ max: maxTokens });
  readonly #flights = new Map<string, Promise<Token>>();
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The token for `key`, from `fetch` when there is none. `signal` ends the wait, not the fetch. */
  async get(key: TokenKey, fetch: () => Promise<Token>, signal?: AbortSignal): Promise<CachedToken> {
    const id = identify(key);
    const now = this.#clock.now();
    const entry = this.#entries.get(id);
    if (entry === undefined || now >= entry.token.expiresAt) {
      const { value } = await abandonable(this.#fetch(id, fetch), signal);
      return { value, remembered: false };
    }
    if (now >= entry.renewAt) this.#renew(id, entry, fetch);
    return { value: entry.token.value, remembered: true };
  }

  /** Forgets a token that the upstream refused; a newer one under the same key stays. */
  forget(key: TokenKey, value: string): void {
    const id = identify(key);
    if (this.#entries.peek(id)?.token.value === value) this.#entries.delete(id);
  }

  #fetch(id: string, fetch: () => Promise<Token>): Promise<Token> {
    const running = this.#flights.get(id);
    if (running !== undefined) return running;
    const flight = fetch()
      .then((token) => {
        this.#entries.set(id, {
          token,
          renewAt: token.since + (token.expiresAt - token.since) * renewalPoint,
        });
        return token;
      })
      .finally(() => this.#flights.delete(id));
    this.#flights.set(id, flight);
    return flight;
  }

  #renew(id: string, entry: Entry, fetch: () => Promise<Token>): void {
    this.#fetch(id, fetch).catch((error: unknown) => {
      // Ever closer to the end, instead of once for every request until then.
      entry.renewAt = (this.#clock.now() + entry.token.expiresAt) / 2;
      this.#logger.debug({ err: error }, 'renewing a token failed; the old one is used until it expires');
    });
  }
}

function identify({ account, realm, service, scope }: TokenKey): string {
  return JSON.stringify([account ?? null, realm.href, service ?? null, scope]);
}
