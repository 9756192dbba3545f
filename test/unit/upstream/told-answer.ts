import type { Dispatcher } from 'undici';
import { Arriving, type PieceMemory } from '../../../src/upstream/arriving.ts';
import type { Meter } from '../../../src/upstream/throttle/meter.ts';

const noMemory: PieceMemory = { hold: () => undefined, release: () => undefined };

/** What undici tells of one answer, told by a test. */
export class ToldAnswer {
  readonly arriving: Arriving;
  paused = false;
  /** What it was given up with. */
  aborted: Error | undefined;
  readonly #controller: Dispatcher.DispatchController;

  constructor(memory: PieceMemory = noMemory, signal?: AbortSignal, meter?: Meter) {
    this.arriving = new Arriving(memory, signal, meter);
    this.#controller = {
      aborted: false,
      paused: false,
      reason: null,
      pause: () => {
        this.paused = true;
      },
      resume: () => {
        this.paused = false;
      },
      abort: (reason) => {
        this.aborted = reason;
        this.arriving.onResponseError(this.#controller, reason);
      },
    };
  }

  /** A connection takes the request. */
  start(): this {
    this.arriving.onRequestStart(this.#controller);
    return this;
  }

  answer(status = 200): this {
    this.arriving.onResponseStart(this.#controller, status, {});
    return this;
  }

  push(piece: Buffer | string): this {
    this.arriving.onResponseData(this.#controller, typeof piece === 'string' ? Buffer.from(piece) : piece);
    return this;
  }

  end(): this {
    this.arriving.onResponseEnd();
    return this;
  }

  fail(error: Error): this {
    this.arriving.onResponseError(this.#controller, error);
    return this;
  }
}
