import type { Clock } from '../../base/clock.ts';

/** Milliseconds over which a rate is averaged. */
const windowMs = 10_000;

/** How fast bytes come, lately. */
export class TransferRate {
  readonly #clock: Clock;
  readonly #samples: { readonly at: number; readonly bytes: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param bytes all that have come so far */
  note(bytes: number): void {
    const at = this.#clock.monotonic();
    this.#samples.push({ at, bytes });
    // The last before the window stays, where it begins.
    while ((this.#samples[1]?.at ?? Infinity) <= at - windowMs) this.#samples.shift();
  }

  /** Bytes per second; undefined before it can be told. */
  get bytesPerSecond(): number | undefined {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.at - first.at < 500) return undefined;
    return Math.max(0, ((last.bytes - first.bytes) / (last.at - first.at)) * 1000);
  }

  /** Milliseconds that `bytes` more take; undefined while none come. */
  timeFor(bytes: number): number | undefined {
    const rate = this.bytesPerSecond;
    return rate === undefined || rate === 0 ? undefined : (bytes / rate) * 1000;
  }
}
