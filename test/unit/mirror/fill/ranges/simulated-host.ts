import type { Clock } from '../../../../../src/base/clock.ts';
import { UpstreamError, type BlobRange, type BlobStream } from '../../../../../src/upstream/registry.ts';
import { endedBody } from '../../../../support/ended-body.ts';

const chunkBytes = 64 * 1024;

export interface SimulatedHostOptions {
  readonly clock: Clock;
  readonly bytes: Buffer;
  /** What each connection gives, in bytes a second. */
  readonly connection?: number | undefined;
  /** What all give together, in bytes a second. */
  readonly link?: number | undefined;
  /** From a request to its answer. */
  readonly latencyMs?: number | undefined;
  /** More connections at a time than this are refused with 429. */
  readonly most?: number | undefined;
}

/** A request that the host got. */
export interface AskedRange {
  readonly offset: number;
  readonly end: number | undefined;
}

/** What of the blob a body holds. */
interface Extent {
  readonly start: number;
  readonly stop: number;
  readonly cutAt: number;
}

/** A host that gives ranges of one blob, at a pace that only the clock knows. */
export class SimulatedHost {
  readonly requests: AskedRange[] = [];
  /** Bytes that left it. */
  sent = 0;
  connections = 0;
  mostConnections = 0;
  /** Changes what a request is answered with; throws for none. */
  before: (request: AskedRange, nth: number) => void = () => undefined;
  /** Changes what an answer is. */
  answering: (stream: BlobStream, request: AskedRange, nth: number) => BlobStream = (stream) => stream;
  /** After how many bytes a body breaks off; undefined for never. */
  cutAfter: (request: AskedRange, nth: number) => number | undefined = () => undefined;
  /** By how many bytes a body is longer than asked for. */
  longerBy: (request: AskedRange, nth: number) => number = () => 0;
  /** Whether everybody gets the whole blob. */
  ignoresRanges = false;
  /** What all connections give together, in bytes a second. */
  link: number;
  readonly #options: SimulatedHostOptions;
  #linkFreeAt = 0;

  constructor(options: SimulatedHostOptions) {
    this.#options = options;
    this.link = options.link ?? Infinity;
  }

  readonly open = async ({ offset, end, signal }: BlobRange): Promise<BlobStream> => {
    const { clock, bytes, latencyMs = 2, most = Infinity } = this.#options;
    const request = { offset, end };
    const nth = this.requests.push(request);
    this.#connect(1);
    try {
      await aborted(clock.sleep(latencyMs, signal));
      if (this.connections > most)
        throw new UpstreamError('rate-limited', 'too many connections', { status: 429 });
      this.before(request, nth);
    } catch (error) {
      this.#connect(-1);
      throw error;
    }
    if (offset >= bytes.length) {
      this.#connect(-1);
      throw new UpstreamError('range', 'nothing there', { status: 416 });
    }
    const start = this.ignoresRanges ? 0 : offset;
    const asked = this.ignoresRanges ? bytes.length : (end ?? bytes.length);
    const stop = Math.min(asked + this.longerBy(request, nth), bytes.length);
    const cutAt = start + (this.cutAfter(request, nth) ?? Infinity);
    return this.answering(
      {
        offset: start,
        size: bytes.length,
        host: 'cdn.example',
        ...endedBody(this.#body({ start, stop, cutAt }, signal)),
        range: end === undefined || this.ignoresRanges ? undefined : this.open,
      },
      request,
      nth,
    );
  };

  #body({ start, stop, cutAt }: Extent, signal: AbortSignal | undefined): AsyncIterable<Buffer> {
    let isOpen = true;
    const leave = (): void => {
      if (isOpen) this.#connect(-1);
      isOpen = false;
    };
    let position = start;
    let freeAt = 0;
    const { clock, bytes, connection } = this.#options;
    const next = async (): Promise<IteratorResult<Buffer, undefined>> => {
      if (position >= stop) {
        leave();
        return { done: true, value: undefined };
      }
      if (position >= cutAt) {
        leave();
        throw new UpstreamError('unavailable', 'the connection was cut');
      }
      const chunk = bytes.subarray(position, Math.min(position + chunkBytes, stop, cutAt));
      freeAt = Math.max(freeAt, clock.monotonic()) + (chunk.length * 1000) / (connection ?? Infinity);
      const at = Math.max(freeAt, this.#linkAfter(chunk.length));
      try {
        await aborted(clock.sleep(Math.max(0, at - clock.monotonic()), signal));
      } catch (error) {
        leave();
        throw error;
      }
      position += chunk.length;
      this.sent += chunk.length;
      return { done: false, value: chunk };
    };
    return {
      [Symbol.asyncIterator]: () => ({
        next,
        return: () => {
          leave();
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
  }

  #linkAfter(bytes: number): number {
    const { clock } = this.#options;
    this.#linkFreeAt = Math.max(this.#linkFreeAt, clock.monotonic()) + (bytes * 1000) / this.link;
    return this.#linkFreeAt;
  }

  #connect(by: number): void {
    this.connections += by;
    this.mostConnections = Math.max(this.mostConnections, this.connections);
  }
}

async function aborted(sleeping: Promise<void>): Promise<void> {
  try {
    await sleeping;
  } catch (cause) {
    throw new UpstreamError('aborted', 'the request was given up', { cause });
  }
}
