import { createHmac, randomBytes } from 'node:crypto';
import type { LRUCache } from 'lru-cache';
import { isWithin, type Clock } from './clock.ts';
import { lru } from './lru.ts';

interface Verdict {
  readonly yes: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface VerdictCacheOptions {
  readonly clock: Clock;
  /** How long a verdict holds, in milliseconds. */
  readonly maxAgeMs: number;
  /** Verdicts kept at most. */
  readonly max: number;
}

/**
 * Verdicts on credentials, remembered for a while. They are kept under an HMAC whose key exists only in this process, so
 * that its memory tells no password.
 */
export class VerdictCache {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #secret = randomBytes(32);
  readonly #verdicts: LRUCache<string, Verdict>;

  constructor({ clock, maxAgeMs, max }: VerdictCacheOptions) {
    this.#clock = clock;
    this.#maxAgeMs = maxAgeMs;
    this.#verdicts = lru(max);
  }

  /** What a verdict on `parts` is kept by; different parts have different keys. */
  key(parts: readonly (string | null)[]): string {
    return createHmac('sha256', this.#secret).update(JSON.stringify(parts)).digest('base64');
  }

  /** Undefined for what was not judged, or too long ago. */
  get(key: string): boolean | undefined {
    const verdict = this.#verdicts.get(key);
    return isWithin(this.#clock, this.#maxAgeMs, verdict?.at) ? verdict?.yes : undefined;
  }

  /** Remembers a verdict and returns it. */
  set(key: string, yes: boolean): boolean {
    this.#verdicts.set(key, { yes, at: this.#clock.now() });
    return yes;
  }
}
