import type { Clock } from '../base/clock.ts';
import { UpstreamError } from './registry.ts';

/** What a breaker remembers, also across a restart. */
export interface BreakerState {
  /** Consecutive failures. */
  readonly failures: number;
  /** Milliseconds since the epoch before which upstream is not asked to confirm what is cached. */
  readonly retryAt: number;
}

/**
 * How it stands with an upstream: it answers; it failed, and has not been asked since its pause ended; it fails, and is not
 * asked about what is cached.
 */
export type Outlook = 'fine' | 'failing' | 'down';

/** Why an answer is stale while a breaker is open. */
export const notAsked = 'upstream fails and is not asked for a while';

const firstPauseMs = 1_000;
const longestPauseMs = 60_000;
/** How long a 429 without a usable Retry-After counts. */
const rateLimitPauseMs = 30_000;

/**
 * Stops asking a failing upstream to confirm what is cached, for a while that doubles with each failure. It never
 * refuses a request that only upstream can answer: such a request has nothing to lose, and its success closes the breaker.
 * But nobody is kept waiting for it to be tried again: see {@link outlook}.
 */
export class Breaker {
  readonly #clock: Clock;
  readonly #onChange: (state: BreakerState) => void;
  #state: BreakerState;

  constructor(clock: Clock, initial: BreakerState | undefined, onChange: (state: BreakerState) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
    this.#state = initial ?? { failures: 0, retryAt: 0 };
  }

  /** Whether upstream may be asked to confirm something that is cached. */
  get admits(): boolean {
    const left = this.#state.retryAt - this.#clock.now();
    // No pause is that long: the clock was set back, while this ran or since.
    return left <= 0 || left > longestPauseMs;
  }

  /** What a request that only upstream can answer has to expect, as far as earlier ones tell. */
  get outlook(): Outlook {
    if (this.#state.failures === 0) return 'fine';
    return this.admits ? 'failing' : 'down';
  }

  /** Runs `request` and learns from how it ends. */
  async watch<T>(request: () => Promise<T>): Promise<T> {
    try {
      const answer = await request();
      this.#succeeded();
      return answer;
    } catch (error) {
      if (error instanceof UpstreamError) this.#failed(error);
      throw error;
    }
  }

  /** Counts a failure that {@link watch} does not see, such as an answer that is awaited no longer. */
  timedOut(): void {
    if (this.admits) this.#fail();
  }

  #succeeded(): void {
    if (this.#state.failures > 0 || this.#state.retryAt > 0) this.#change({ failures: 0, retryAt: 0 });
  }

  #failed(error: UpstreamError): void {
    switch (error.kind) {
      case 'unavailable':
      case 'timeout':
        // Requests that were under way together fail together: they are one failure.
        if (this.admits) this.#fail();
        return;
      case 'rate-limited': {
        const pause = error.retryAfter === undefined ? rateLimitPauseMs : error.retryAfter * 1000;
        this.#change({ ...this.#state, retryAt: this.#clock.now() + Math.min(pause, longestPauseMs) });
        return;
      }
      case 'not-found':
      case 'unauthorized':
      case 'denied':
      case 'range':
      case 'invalid':
        this.#succeeded();
        return;
      case 'aborted':
        return;
    }
  }

  #fail(): void {
    const failures = this.#state.failures + 1;
    const pause = Math.min(firstPauseMs * 2 ** (failures - 1), longestPauseMs);
    this.#change({ failures, retryAt: this.#clock.now() + pause });
  }

  #change(state: BreakerState): void {
    this.#state = state;
    this.#onChange(state);
  }
}
