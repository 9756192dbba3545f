import { createHmac, randomBytes } from 'node:crypto';
import type { LRUCache } from 'lru-cache';
import { isWithin, type Clock } from './clock.ts';
import { lru } from './lru.ts';

interface Login {
  readonly accepted: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

interface LoginCacheDeps {
  readonly clock: Clock;
  /** How long an outcome holds, in milliseconds. */
  readonly maxAgeMs: number;
  /** Outcomes kept at most. */
  readonly max: number;
}

/** Whether credentials were accepted; by HMACs with a key of this process, which reveal no password. */
export class LoginCache {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #secret = randomBytes(32);
  readonly #logins: LRUCache<string, Login>;

  constructor({ clock, maxAgeMs, max }: LoginCacheDeps) {
    this.#clock = clock;
    this.#maxAgeMs = maxAgeMs;
    this.#logins = lru(max);
  }

  /** The key of `parts`; different parts have different keys. */
  key(parts: readonly (string | null)[]): string {
    return createHmac('sha256', this.#secret).update(JSON.stringify(parts)).digest('base64');
  }

  /** Undefined for what was never checked, or too long ago. */
  get(key: string): boolean | undefined {
    const login = this.#logins.get(key);
    return isWithin(this.#clock, this.#maxAgeMs, login?.at) ? login?.accepted : undefined;
  }

  /** Remembers an outcome and returns it. */
  set(key: string, accepted: boolean): boolean {
    this.#logins.set(key, { accepted, at: this.#clock.now() });
    return accepted;
  }
}
