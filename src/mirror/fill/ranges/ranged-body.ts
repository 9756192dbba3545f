import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../telemetry/log.ts';
import { UpstreamError, type BlobStream, type BlobOpener } from '../../../upstream/registry.ts';
import type { Blocks } from '../blocks.ts';
import type { ByteBudget } from './budget.ts';
import type { Host } from './hosts.ts';
import { Parallelism } from './parallelism.ts';
import { Segment } from './segment.ts';
import { leadBytes, mayWait, segmentBytes } from './segment-size.ts';

export interface RangedBodyOptions {
  /** The first range, open already. */
  readonly first: BlobStream;
  /** Opens others. */
  readonly range: BlobOpener;
  /** Milliseconds from its request to its answer. */
  readonly latencyMs: number;
  /** Where {@link first} was asked to end, exclusive. */
  readonly firstEnd: number;
  /** Where the blob ends. */
  readonly size: number;
  readonly host: Host;
  /** Whether the host may have one more connection for this blob, besides the one that every blob has. */
  readonly spare: () => boolean;
  /** The most connections. */
  readonly limit: number;
  readonly budget: ByteBudget;
  readonly blocks: Blocks;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The rest of a blob, in order, out of ranges that arrive at the same time. Each is asked for with both its ends, so that
 * nothing comes twice and no answer has to be cut off. A chunk is good until the next is asked for. Rejects with what a range fails with for the second time, once all
 * bytes before it have been given.
 */
export class RangedBody implements AsyncIterable<Buffer> {
  readonly #options: RangedBodyOptions;
  readonly #parallelism: Parallelism;
  readonly #closing = new AbortController();
  readonly #ended = Promise.withResolvers<UpstreamError | undefined>();
  readonly #signal: AbortSignal;
  /** In order; the first is the one whose turn it is. */
  readonly #segments: Segment[] = [];
  #range: BlobOpener;
  /** Where the next range begins. */
  #next: number;
  #received = 0;
  #learnt: number | undefined;
  readonly #startedAt: number;

  constructor(options: RangedBodyOptions) {
    this.#options = options;
    this.#range = options.range;
    const { signal } = this.#closing;
    this.#signal = options.signal === undefined ? signal : AbortSignal.any([options.signal, signal]);
    this.#startedAt = options.clock.monotonic();
    this.#parallelism = new Parallelism(options.limit, options.host.helpful, this.#startedAt);
    this.#parallelism.answered(options.latencyMs);
    this.#next = options.firstEnd;
    this.#segments.push(this.#segment(options.first.offset, options.firstEnd, options.first));
  }

  /** As that of a {@link BlobStream}. */
  get ended(): Promise<UpstreamError | undefined> {
    return this.#ended.promise;
  }

  [Symbol.asyncIterator](): AsyncIterator<Buffer, void> {
    const bytes = this.#bytes();
    return {
      next: () => bytes.next(),
      // Before the first chunk a generator would let go of nothing.
      return: () => {
        this.#close();
        return bytes.return();
      },
    };
  }

  async *#bytes(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (;;) {
        this.#openMore();
        const [segment] = this.#segments;
        if (segment === undefined) return;
        yield* segment.bytes();
        this.#segments.shift();
      }
    } catch (error) {
      const { connections } = this.#parallelism;
      if (connections > 1) this.#options.host.learn(connections);
      if (error instanceof UpstreamError && error.kind !== 'aborted') this.#ended.resolve(error);
      throw error;
    } finally {
      this.#close();
    }
  }

  #close(): void {
    for (const segment of this.#segments) segment.close();
    this.#segments.length = 0;
    this.#closing.abort();
    this.#ended.resolve(undefined);
  }

  /** Begins as many ranges as may arrive now. */
  #openMore(): void {
    const { size, budget, spare } = this.#options;
    while (this.#next < size && !this.#segments.some(({ isBroken }) => isBroken)) {
      const arriving = this.#segments.filter(({ isArriving }) => isArriving);
      const isAlone = arriving.length === 0;
      if (!isAlone && !this.#wantsBeside(arriving)) return;
      const isHeld = !spare();
      if (isHeld && !isAlone) return this.#parallelism.held();
      const left = size - this.#next;
      const bytes = segmentBytes(this.#parallelism, { left, received: this.#received, isHeld });
      const isItsTurn = this.#segments.length === 0;
      const taken = !isItsTurn && mayWait(bytes) && budget.take(bytes) ? bytes : 0;
      // Beside others it would only hold a connection.
      if (taken === 0 && !isAlone && this.#parallelism.connections > 1) return this.#parallelism.held();
      const segment = this.#segment(this.#next, this.#next + bytes);
      this.#next += bytes;
      this.#segments.push(segment);
      if (!isItsTurn) segment.begin(taken);
    }
  }

  /** Whether one more range should arrive beside these. */
  #wantsBeside(arriving: readonly Segment[]): boolean {
    if (arriving.length < this.#parallelism.connections) return true;
    const [only] = arriving;
    if (only === undefined || arriving.length > 1) return false;
    const elapsedMs = this.#options.clock.monotonic() - this.#startedAt;
    return only.left <= leadBytes(this.#parallelism, this.#received, elapsedMs);
  }

  #segment(start: number, end: number, opened?: BlobStream): Segment {
    const { host, budget, blocks, clock } = this.#options;
    return new Segment(
      {
        start,
        end,
        open: async (range) => {
          const askedAt = clock.monotonic();
          const stream = await this.#range({ ...range, signal: this.#signal });
          this.#parallelism.answered(clock.monotonic() - askedAt);
          this.#range = stream.range ?? this.#range;
          return stream;
        },
        connect: () => host.connect(),
        budget,
        blocks,
        events: {
          received: (bytes) => this.#noteBytes(bytes),
          left: () => this.#noteBytes(0),
          failed: (error, isRefused) => this.#failed(error, isRefused),
        },
      },
      opened,
    );
  }

  #noteBytes(bytes: number): void {
    this.#received += bytes;
    const open = this.#segments.filter(({ isArriving }) => isArriving).length;
    const flowing = this.#segments.filter(({ isFlowing }) => isFlowing).length;
    this.#parallelism.received(bytes, { open, flowing }, this.#options.clock.monotonic());
    this.#learn();
    this.#openMore();
  }

  #failed(error: unknown, isRefused: boolean): void {
    if (this.#signal.aborted) return;
    if (isRefused) this.#parallelism.refused();
    else this.#parallelism.failed();
    this.#learn();
    const { logger, host } = this.#options;
    const reason = error instanceof UpstreamError ? error.message : undefined;
    logger.debug({ host: host.name, reason }, 'a range of a blob failed');
  }

  #learn(): void {
    const { helpful } = this.#parallelism;
    if (helpful === undefined || helpful === this.#learnt) return;
    this.#learnt = helpful;
    const { logger, host } = this.#options;
    host.learn(helpful);
    logger.debug({ host: host.name, connections: helpful }, 'so many connections help a blob');
  }
}
