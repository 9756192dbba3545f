import type { Dispatcher } from 'undici';
import type { ResponseHeaders } from './headers.ts';
import type { Meter } from './throttle/meter.ts';

/** Bytes that wait to be taken, at which no more is received. */
const waitingBytes = 512 * 1024;

/** What the head of an answer is taken to have, in bytes. */
const headBytes = 512;

/** The memory that pieces lie in. Other memory than it knows may be told of as well. */
export interface PieceMemory {
  /** These bytes are in use from now on. */
  hold(piece: Uint8Array): void;
  /** They are no longer in use. */
  release(piece: Uint8Array): void;
}

export interface AnswerHead {
  readonly status: number;
  readonly headers: ResponseHeaders;
}

/**
 * An answer on its way. undici hands over what it parses at once, so that received bytes are either held by
 * then or free. A Node stream would get them later, and copy more.
 */
export class Arriving implements Dispatcher.DispatchHandler {
  readonly #memory: PieceMemory;
  readonly #signal: AbortSignal | undefined;
  readonly #meter: Meter | undefined;
  readonly #head = Promise.withResolvers<AnswerHead>();
  /** As large as they can be had without a copy. */
  readonly #pieces: Buffer[] = [];
  #waiting = 0;
  /** Bytes that may still come of a body that is discarded. */
  #drainable: number | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #isOver = false;
  #isHeld = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  /**
   * @param signal gives the request, or the rest of the answer, up
   * @param meter counts what is received, and may make it wait
   */
  constructor(memory: PieceMemory, signal: AbortSignal | undefined, meter?: Meter) {
    this.#memory = memory;
    this.#signal = signal;
    this.#meter = meter;
    // The head of a request that could not be sent is not waited for.
    this.#head.promise.catch(() => undefined);
    if (signal?.aborted === true) this.#givenUp();
    else signal?.addEventListener('abort', this.#givenUp);
  }

  /** Rejects when no answer comes. */
  get head(): Promise<AnswerHead> {
    return this.#head.promise;
  }

  /** Milliseconds for which bytes could have come and were not received, to keep a limit. */
  get heldMs(): number {
    return this.#meter?.heldMs ?? 0;
  }

  /** The next piece of the body, to be given back; undefined at the end. Rejects when the body fails. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#waiting -= piece.length;
        this.#goOn();
        return piece;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#isOver) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Gives a piece back. */
  release(piece: Buffer): void {
    this.#memory.release(piece);
  }

  /** Discards the rest. Up to `bytes` of it are still received, so that the connection can be used again. */
  drain(bytes: number): void {
    this.#drainable = bytes;
    for (const piece of this.#pieces.splice(0)) this.#pass(piece);
    this.#waiting = 0;
    this.#controller?.resume();
  }

  /** Ends it, and the connection unless all of the answer is here. */
  abort(error: Error): void {
    const dropped = this.#pieces.splice(0);
    for (const piece of dropped) this.#memory.release(piece);
    // Without what was dropped, its end would pass for that of the whole.
    if (dropped.length > 0) this.#error ??= error;
    if (this.#isOver) return;
    this.#fail(error);
    this.#controller?.abort(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#error !== undefined) controller.abort(this.#error);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    this.#isHeld = this.#meter?.took(headBytes, this.#released) === false;
    if (status >= 200) this.#head.resolve({ status, headers });
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    if (this.#isOver) return;
    this.#memory.hold(piece);
    this.#isHeld = this.#meter?.took(piece.length, this.#released) === false;
    if (this.#drainable !== undefined) {
      this.#pass(piece);
      return;
    }
    const last = this.#pieces.at(-1);
    const both = last && joined(last, piece);
    if (both === undefined) this.#pieces.push(piece);
    else this.#pieces[this.#pieces.length - 1] = both;
    this.#waiting += piece.length;
    if (this.#isHeld || this.#waiting >= waitingBytes) controller.pause();
    this.#wake?.();
  }

  onResponseEnd(): void {
    this.#end();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#fail(error);
  }

  /** It has waited long enough to keep a limit. */
  readonly #released = (): void => {
    this.#isHeld = false;
    this.#goOn();
  };

  #goOn(): void {
    if (!this.#isHeld && !this.#isOver && this.#waiting < waitingBytes) this.#controller?.resume();
  }

  readonly #givenUp = (): void => {
    this.abort(new Error('the request was given up', { cause: this.#signal?.reason }));
  };

  #pass(piece: Buffer): void {
    this.#memory.release(piece);
    this.#drainable = (this.#drainable ?? 0) - piece.length;
    if (this.#drainable < 0) this.abort(new Error('too much is left of an answer that is discarded'));
  }

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.#error ??= error;
    this.#head.reject(error);
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#meter?.end();
    this.#signal?.removeEventListener('abort', this.#givenUp);
    this.#wake?.();
  }
}

/** Two pieces that lie side by side in memory, as one. */
function joined(first: Buffer, second: Buffer): Buffer | undefined {
  if (first.buffer !== second.buffer || first.byteOffset + first.length !== second.byteOffset)
    return undefined;
  return Buffer.from(first.buffer, first.byteOffset, first.length + second.length);
}
