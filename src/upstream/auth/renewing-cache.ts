import type { Clock } from '../../base/clock.ts';
import { lru } from '../../base/lru.ts';
import type { Logger } from '../../telemetry/log.ts';
import { abandonable } from './abandonable.ts';

/** The part of a value's life after which the next one is fetched, while this one is still used. */
const renewalPoint = 0.85;

const maxValues = 1000;

/** A value and its life. */
export interface Perishable<T> {
  readonly value: T;
  /** Milliseconds since the epoch at which it was asked for. */
  readonly since: number;
  /** Milliseconds since the epoch from which it is no good. */
  readonly expiresAt: number;
}

interface CachedValue<T> {
  readonly value: T;
  /** Whether it was in the cache already; else it was fetched for this very request. */
  readonly remembered: boolean;
}

interface Entry<T> {
  readonly held: Perishable<T>;
  /** Milliseconds since the epoch. */
  renewAt: number;
}

/**
 * Values that expire, fetched once per id for all callers. Failures are not kept. An expired value is never
 * given out; one near its end is renewed in the background.
 */
export class RenewingCache<T> {
  readonly #entries = lru<string, Entry<T>>(maxValues);
  readonly #flights = new Map<string, Promise<Perishable<T>>>();
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The value of `id`, from `fetch` when there is none. `signal` ends the wait, not the fetch. */
  async get(id: string, fetch: () => Promise<Perishable<T>>, signal?: AbortSignal): Promise<CachedValue<T>> {
    const now = this.#clock.now();
    const entry = this.#entries.get(id);
    if (entry === undefined || now >= entry.held.expiresAt) {
      const { value } = await abandonable(this.#fetch(id, fetch), signal);
      return { value, remembered: false };
    }
    if (now >= entry.renewAt) this.#renew(id, entry, fetch);
    return { value: entry.held.value, remembered: true };
  }

  /** Forgets the value of `id`; if `value` is given, unless another one has taken its place. */
  forget(id: string, value?: T): void {
    if (value === undefined || this.#entries.peek(id)?.held.value === value) this.#entries.delete(id);
  }

  #fetch(id: string, fetch: () => Promise<Perishable<T>>): Promise<Perishable<T>> {
    const running = this.#flights.get(id);
    if (running !== undefined) return running;
    const flight = fetch()
      .then((held) => {
        const renewAt = held.since + (held.expiresAt - held.since) * renewalPoint;
        this.#entries.set(id, { held, renewAt });
        return held;
      })
      .finally(() => this.#flights.delete(id));
    this.#flights.set(id, flight);
    return flight;
  }

  #renew(id: string, entry: Entry<T>, fetch: () => Promise<Perishable<T>>): void {
    this.#fetch(id, fetch).catch((error: unknown) => {
      // Ever closer to the end, instead of once for every request until then.
      entry.renewAt = (this.#clock.now() + entry.held.expiresAt) / 2;
      this.#logger.debug({ err: error }, 'renewing failed; what there is stays in use until it expires');
    });
  }
}
