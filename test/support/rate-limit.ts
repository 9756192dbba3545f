export interface RateLimitState {
  /** Pulls per window. */
  readonly limit: number;
  /** The window's length in seconds. */
  readonly window: number;
  /** Pulls left; all of them, if not given. */
  readonly remaining?: number;
}

/** Docker Hub's pull limit: manifest GETs count, HEADs do not. */
export class RateLimit {
  #state: RateLimitState | undefined;
  #remaining = 0;
  /** Pulls counted so far, with or without a limit. */
  pulls = 0;

  constructor(state: RateLimitState | undefined) {
    this.set(state);
  }

  set(state: RateLimitState | undefined): void {
    this.#state = state;
    this.#remaining = state?.remaining ?? state?.limit ?? Infinity;
  }

  /** Counts a pull; false when none is left. */
  pull(): boolean {
    if (this.#remaining <= 0) return false;
    this.#remaining -= 1;
    this.pulls += 1;
    return true;
  }

  headers(): Readonly<Record<string, string>> {
    if (this.#state === undefined) return {};
    const { limit, window } = this.#state;
    return {
      'ratelimit-limit': `${limit};w=${window}`,
      'ratelimit-remaining': `${this.#remaining};w=${window}`,
      'docker-ratelimit-source': '127.0.0.1',
    };
  }
}
