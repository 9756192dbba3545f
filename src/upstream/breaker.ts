import type { Clock } from '../base/clock.ts';
import { backoffMs } from '../base/backoff.ts';
import type { Connectivity } from './connectivity.ts';
import { breakerPauses, policyFor, type Outlook } from './failure-policy.ts';
import { UpstreamError } from './registry.ts';

const { backoff, rateLimitMs } = breakerPauses;

/** What a breaker remembers, also across a restart. */
interface BreakerState {
  /** Consecutive failures. */
  readonly failures: number;
  /** Milliseconds since the epoch before which upstream is not asked to confirm what is cached. */
  readonly retryAt: number;
}

interface BreakerDeps {
  readonly clock: Clock;
  /** What was remembered of it. */
  readonly initial?: BreakerState | undefined;
  /** Told what is to be remembered. */
  readonly onChange?: (state: BreakerState) => void;
  readonly connectivity: Pick<Connectivity, 'isOffline'>;
}

/**
 * Keeps a failing upstream from being asked to confirm what is cached, for a while that doubles with each
 * failure. What only upstream can answer is always asked, and its success closes the breaker, but clients do
 * not wait for retries: see {@link outlook}.
 */
export class Breaker {
  readonly #clock: Clock;
  readonly #onChange: (state: BreakerState) => void;
  readonly #connectivity: Pick<Connectivity, 'isOffline'>;
  #state: BreakerState;

  constructor({ clock, initial, onChange = () => undefined, connectivity }: BreakerDeps) {
    this.#clock = clock;
    this.#onChange = onChange;
    this.#connectivity = connectivity;
    this.#state = initial ?? { failures: 0, retryAt: 0 };
  }

  /** Whether the mirror is offline: then upstream is not asked at all, and what is cached counts as fresh. */
  get isOffline(): boolean {
    return this.#connectivity.isOffline;
  }

  /** Whether upstream may be asked to confirm something that is cached. */
  get admits(): boolean {
    if (this.isOffline) return false;
    const left = this.#state.retryAt - this.#clock.now();
    // No pause is that long: the clock was set back, while this ran or since.
    return left <= 0 || left > backoff.longestMs;
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
    switch (policyFor(error).breaker) {
      case 'opens':
        // Requests that were under way together fail together: they are one failure.
        if (this.admits) this.#fail();
        return;
      case 'pauses': {
        const pauseMs = error.retryAfter === undefined ? rateLimitMs : error.retryAfter * 1000;
        this.#change({ ...this.#state, retryAt: this.#clock.now() + Math.min(pauseMs, backoff.longestMs) });
        return;
      }
      case 'closes':
        this.#succeeded();
        return;
      case 'ignores':
        return;
    }
  }

  #fail(): void {
    const failures = this.#state.failures + 1;
    this.#change({ failures, retryAt: this.#clock.now() + backoffMs(backoff, failures) });
  }

  #change(state: BreakerState): void {
    this.#state = state;
    this.#onChange(state);
  }
}
