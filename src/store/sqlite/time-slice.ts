import type { Clock } from '../../base/clock.ts';

/** How long to keep the event loop waiting at a time, in milliseconds. */
const sliceMs = 5;

/** A short time of work that holds up everything else. */
export class TimeSlice {
  readonly #clock: Clock;
  readonly #end: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#end = clock.monotonic() + sliceMs;
  }

  get isOver(): boolean {
    return this.#clock.monotonic() >= this.#end;
  }
}
