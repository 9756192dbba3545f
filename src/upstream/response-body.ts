import type { Readable } from 'node:stream';
import type { Clock } from '../clock.ts';
import { Arriving } from './arriving.ts';
import { Pace } from './pace.ts';
import { UpstreamError } from './registry.ts';
import { StandstillError } from './transport-error.ts';

/** What is left of a discarded body up to here is read, so that the connection can be used again; beyond, it is closed. */
const maxDrainBytes = 64 * 1024;

export interface ResponseBodyOptions {
  readonly clock: Clock;
  /** What a failure of the transport is called. */
  readonly failure: (error: unknown) => UpstreamError;
  /** Told of each piece that is read by nobody any more. */
  readonly release: (piece: Buffer) => void;
}

/**
 * The body of an answer. Fails only with UpstreamError. To be consumed once: iterated, read or discarded. A piece is good
 * until the next is asked for.
 */
export class ResponseBody implements AsyncIterable<Buffer> {
  readonly #readable: Readable;
  readonly #options: ResponseBodyOptions;

  constructor(readable: Readable, options: ResponseBodyOptions) {
    this.#readable = readable;
    this.#options = options;
    // A failure between two reads is reported by the next read; without a listener it would end the process.
    readable.on('error', () => undefined);
  }

  /** Leaving early, even before the first chunk, closes the connection. */
  [Symbol.asyncIterator](): AsyncIterator<Buffer, undefined> {
    const readable = this.#readable;
    const { clock, failure, release } = this.#options;
    const pieces = new Arriving(readable);
    const pace = new Pace();
    let lent: Buffer | undefined;
    return {
      next: async () => {
        try {
          const since = clock.now();
          if (lent !== undefined) release(lent);
          lent = undefined;
          const piece = await pieces.next();
          if (piece === undefined) return { done: true, value: undefined };
          lent = piece;
          if (pace.keepsUp(piece.length, clock.now() - since)) return { done: false, value: piece };
          readable.destroy();
          throw new StandstillError();
        } catch (error) {
          throw failure(error);
        }
      },
      return: () => {
        readable.destroy();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  /**
   * The whole body, which must be there within `timeoutMs` milliseconds.
   * @throws {UpstreamError} `invalid` when it is longer than `limit` bytes
   */
  async read(limit: number, timeoutMs: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let length = 0;
    const timer = setTimeout(() => this.#readable.destroy(new StandstillError()), timeoutMs);
    try {
      for await (const chunk of this) {
        length += chunk.length;
        if (length > limit) throw new UpstreamError('invalid', `an answer of more than ${limit} bytes`);
        chunks.push(Buffer.from(chunk));
      }
    } finally {
      clearTimeout(timer);
    }
    return Buffer.concat(chunks, length);
  }

  /** Lets go of the body. Nobody needs to wait for that. */
  discard(): void {
    let drained = 0;
    this.#readable.on('data', (chunk: Buffer) => {
      drained += chunk.length;
      if (drained > maxDrainBytes) this.#readable.destroy();
    });
  }
}
