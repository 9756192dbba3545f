import type { Clock } from '../base/clock.ts';
import type { Arriving } from './arriving.ts';
import { Pace } from './pace.ts';
import { UpstreamError } from './registry.ts';
import { StandstillError } from './transport-error.ts';

/** So much of a discarded body is read, so that the connection can be used again; beyond, it is closed. */
const maxDrainBytes = 64 * 1024;

export interface ResponseBodyOptions {
  readonly clock: Clock;
  /** What a failure of the transport is called. */
  readonly failure: (error: unknown) => UpstreamError;
}

/**
 * The body of an answer. Fails only with UpstreamError. To be consumed once: iterated, read or discarded. A
 * piece is good until the next is asked for.
 */
export class ResponseBody implements AsyncIterable<Buffer> {
  readonly #arriving: Arriving;
  readonly #options: ResponseBodyOptions;
  readonly #ended = Promise.withResolvers<UpstreamError | undefined>();

  constructor(arriving: Arriving, options: ResponseBodyOptions) {
    this.#arriving = arriving;
    this.#options = options;
  }

  /** Resolves when it was read to its end, failed, or was left: to the failure, unless the reader gave up. */
  get ended(): Promise<UpstreamError | undefined> {
    return this.#ended.promise;
  }

  /** Leaving early, even before the first chunk, closes the connection. */
  [Symbol.asyncIterator](): AsyncIterator<Buffer, undefined> {
    const arriving = this.#arriving;
    const ended = this.#ended;
    const { clock, failure } = this.#options;
    const pace = new Pace();
    let lent: Buffer | undefined;
    let isLeft = false;
    const giveBack = (): void => {
      if (lent !== undefined) arriving.release(lent);
      lent = undefined;
    };
    return {
      next: async () => {
        try {
          const since = clock.now();
          const heldBefore = arriving.heldMs;
          giveBack();
          lent = await arriving.next();
          if (isLeft) giveBack();
          if (lent === undefined) {
            ended.resolve(undefined);
            return { done: true, value: undefined };
          }
          // A limit of ours is no fault of upstream's.
          const waitedMs = clock.now() - since - (arriving.heldMs - heldBefore);
          if (pace.keepsUp(lent.length, waitedMs)) return { done: false, value: lent };
          giveBack();
          const error = new StandstillError();
          arriving.abort(error);
          throw error;
        } catch (error) {
          const failed = failure(error);
          ended.resolve(failed.kind === 'aborted' ? undefined : failed);
          throw failed;
        }
      },
      return: () => {
        isLeft = true;
        ended.resolve(undefined);
        giveBack();
        arriving.abort(new Error('the body was left before its end'));
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
    const timer = setTimeout(() => this.#arriving.abort(new StandstillError()), timeoutMs);
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

  /** Lets go of the body. */
  discard(): void {
    this.#ended.resolve(undefined);
    this.#arriving.drain(maxDrainBytes);
  }
}
