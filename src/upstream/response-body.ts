import type { Readable } from 'node:stream';
import type { Clock } from '../clock.ts';
import { Arriving } from './arriving.ts';
import { Pace } from './pace.ts';
import { UpstreamError } from './registry.ts';
import { StandstillError } from './transport-error.ts';

/** What is left of a discarded body up to here is read, so that the connection can be used again; beyond, it is closed. */
const maxDrainBytes = 64 * 1024;

/** The body of an answer. Fails only with UpstreamError. To be consumed once: iterated, read or discarded. */
export class ResponseBody implements AsyncIterable<Buffer> {
  readonly #readable: Readable;
  readonly #clock: Clock;
  readonly #toUpstreamError: (error: unknown) => UpstreamError;

  constructor(readable: Readable, clock: Clock, toUpstreamError: (error: unknown) => UpstreamError) {
    this.#readable = readable;
    this.#clock = clock;
    this.#toUpstreamError = toUpstreamError;
    // A failure between two reads is reported by the next read; without a listener it would end the process.
    readable.on('error', () => undefined);
  }

  /** Leaving early, even before the first chunk, closes the connection. */
  [Symbol.asyncIterator](): AsyncIterator<Buffer, undefined> {
    const readable = this.#readable;
    const clock = this.#clock;
    const pieces = new Arriving(readable);
    const pace = new Pace();
    return {
      next: async () => {
        try {
          const since = clock.now();
          const piece = await pieces.next();
          if (piece === undefined) return { done: true, value: undefined };
          if (pace.keepsUp(piece.length, clock.now() - since)) return { done: false, value: piece };
          readable.destroy();
          throw new StandstillError();
        } catch (error) {
          throw this.#toUpstreamError(error);
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
        chunks.push(chunk);
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
