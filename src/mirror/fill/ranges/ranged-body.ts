import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../telemetry/log.ts';
import { UpstreamError, type BlobOpener, type BlobStream } from '../../../upstream/registry.ts';
import type { Share } from '../../../upstream/throttle/share.ts';
import type { Blocks } from '../blocks.ts';
import type { ByteBudget } from './budget.ts';
import type { Host, Hosts } from './hosts.ts';
import { Parallelism } from './parallelism.ts';
import { Segment } from './segment.ts';
import { leadBytes, mayWait, segmentBytes } from './segment-size.ts';

/** A download that was made to wait for its share is taken to be limited for so long, in milliseconds. */
const throttledMs = 500;

/** What the ranges of all upstreams share. */
export interface SharedRanges {
  readonly hosts: Hosts;
  readonly budget: ByteBudget;
  readonly blocks: Blocks;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface RangedBodyDeps extends SharedRanges {
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
  /** What its bytes are counted for. */
  readonly share: Share | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * The rest of a blob, in order, out of ranges that arrive at the same time. Each is asked for with both its
 * ends, so that nothing comes twice and no answer is cut off. A chunk is good until the next is asked for.
 * Rejects with a range's second failure, once all bytes before it have been given.
 */
export class RangedBody implements AsyncIterable<Buffer> {
  readonly #deps: RangedBodyDeps;
  readonly #parallelism: Parallelism;
  readonly #closing = new AbortController();
  readonly #ended = Promise.withResolvers<UpstreamError | undefined>();
  readonly #signal: AbortSignal;
  readonly #startedAt: number;
  /** In order; the first is the one whose turn it is. */
  readonly #segments: Segment[] = [];
  #range: BlobOpener;
  /** Where the next range begins. */
  #next: number;
  #received = 0;
  #learnt: number | undefined;

  constructor(deps: RangedBodyDeps) {
    const { first, firstEnd, range, signal, host, limit, latencyMs, clock } = deps;
    this.#deps = deps;
    this.#range = range;
    const closing = this.#closing.signal;
    this.#signal = signal === undefined ? closing : AbortSignal.any([signal, closing]);
    this.#startedAt = clock.monotonic();
    this.#parallelism = new Parallelism(limit, host.helpful, this.#startedAt);
    this.#parallelism.answered(latencyMs);
    this.#next = first.offset;
    this.#begin(firstEnd, 0, first);
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
      if (connections > 1) this.#deps.host.learn(connections);
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
    const { size, budget } = this.#deps;
    while (this.#next < size && !this.#segments.some(({ isBroken }) => isBroken)) {
      const arriving = this.#segments.filter(({ isArriving }) => isArriving);
      const isAlone = arriving.length === 0;
      if (!isAlone && !this.#wantsBeside(arriving)) return;
      const isHeld = this.#isHeld;
      if (isHeld && !isAlone) return this.#parallelism.held();
      const left = size - this.#next;
      const bytes = segmentBytes(this.#parallelism, { left, received: this.#received, isHeld });
      const mayComeEarly = this.#segments.length > 0 && mayWait(bytes);
      const taken = mayComeEarly && budget.take(bytes) ? bytes : 0;
      // Beside others it would only hold a connection.
      if (taken === 0 && !isAlone && this.#parallelism.connections > 1) return this.#parallelism.held();
      this.#begin(this.#next + bytes, taken);
    }
  }

  /** Whether there may be no more connections now: they would bring nothing while the bandwidth is limited. */
  get #isHeld(): boolean {
    const { spare, share, clock } = this.#deps;
    return !spare() || (share !== undefined && clock.monotonic() - share.heldAt < throttledMs);
  }

  /** Whether one more range should arrive beside these. */
  #wantsBeside(arriving: readonly Segment[]): boolean {
    if (arriving.length < this.#parallelism.connections) return true;
    const [only] = arriving;
    if (only === undefined || arriving.length > 1) return false;
    const elapsedMs = this.#deps.clock.monotonic() - this.#startedAt;
    return only.left <= leadBytes(this.#parallelism, this.#received, elapsedMs);
  }

  /** Begins the next range. @param opened its stream, if it is open already */
  #begin(end: number, taken: number, opened?: BlobStream): void {
    let unused = opened;
    const deps = {
      ...this.#deps,
      start: this.#next,
      end,
      open: (range) => {
        const stream = unused;
        unused = undefined;
        return stream === undefined ? this.#open(range) : Promise.resolve(stream);
      },
      connect: () => this.#deps.host.connect(),
      onBytes: (bytes) => this.#noteBytes(bytes),
      onLeft: () => this.#noteBytes(0),
      onFailure: (error, isRefused) => this.#failed(error, isRefused),
    } satisfies ConstructorParameters<typeof Segment>[0];
    this.#next = end;
    this.#segments.push(new Segment(deps, taken));
  }

  readonly #open: BlobOpener = async (range) => {
    const { clock } = this.#deps;
    const askedAt = clock.monotonic();
    const stream = await this.#range({ ...range, share: this.#deps.share, signal: this.#signal });
    this.#parallelism.answered(clock.monotonic() - askedAt);
    this.#range = stream.range ?? this.#range;
    return stream;
  };

  #noteBytes(bytes: number): void {
    this.#received += bytes;
    const open = this.#segments.filter(({ isArriving }) => isArriving).length;
    const flowing = this.#segments.filter(({ isFlowing }) => isFlowing).length;
    this.#parallelism.received(bytes, { open, flowing }, this.#deps.clock.monotonic());
    this.#learn();
    this.#openMore();
  }

  #failed(error: unknown, isRefused: boolean): void {
    if (this.#signal.aborted) return;
    if (isRefused) this.#parallelism.refused();
    else this.#parallelism.failed();
    this.#learn();
    const { logger, host } = this.#deps;
    const reason = error instanceof UpstreamError ? error.message : undefined;
    logger.debug({ host: host.name, reason }, 'a range of a blob failed');
  }

  #learn(): void {
    const { helpful } = this.#parallelism;
    if (helpful === undefined || helpful === this.#learnt) return;
    this.#learnt = helpful;
    const { logger, host } = this.#deps;
    host.learn(helpful);
    logger.debug({ host: host.name, connections: helpful }, 'so many connections help a blob');
  }
}
