import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../telemetry/log.ts';
import { UpstreamError, type BlobStream } from '../../../upstream/registry.ts';
import { watched } from '../../../upstream/watched-body.ts';
import type { BlobOpener } from '../resumable-blob.ts';
import type { Blocks } from '../blocks.ts';
import type { ByteBudget } from './budget.ts';
import type { Host, Hosts } from './hosts.ts';
import type { RangePolicy } from './policy.ts';
import { RangedBody } from './ranged-body.ts';
import { firstBytes } from './segment-size.ts';

/** What the ranges of all upstreams share. */
export interface SharedRanges {
  readonly hosts: Hosts;
  readonly budget: ByteBudget;
  readonly blocks: Blocks;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Opens a blob upstream from `offset` on, up to `end` if that is given. Rejects with UpstreamError. */
export type PartOpener = (offset: number, signal: AbortSignal, end?: number) => Promise<BlobStream>;

/** Decides which blobs of an upstream arrive in ranges, several at a time. */
export class Ranges {
  readonly #policy: RangePolicy;
  readonly #shared: SharedRanges;
  /** Who sent the last blob; the next comes from there as a rule. */
  #host: Host | undefined;
  /** First requests under way: whom they lead to is not known yet. */
  #opening = 0;

  constructor(policy: RangePolicy, shared: SharedRanges) {
    this.#policy = policy;
    this.#shared = shared;
  }

  /**
   * The same blob, in ranges where that may help, a chunk being good until the next is asked for: where its
   * size is said to be such that enough of it is left, and the host gives ranges.
   */
  opener(open: PartOpener): BlobOpener {
    return (offset, signal, size) => {
      const { connections, minBytes } = this.#policy;
      const isWorthIt = size !== undefined && size - offset >= Math.max(minBytes, 2 * firstBytes);
      return connections > 1 && isWorthIt && this.#host?.helpful !== 1
        ? this.#inRanges(open, offset, signal)
        : this.#inOne(open, offset, signal);
    };
  }

  async #inOne(open: PartOpener, offset: number, signal: AbortSignal): Promise<BlobStream> {
    return this.#over(await this.#asked(open(offset, signal)));
  }

  async #inRanges(open: PartOpener, offset: number, signal: AbortSignal): Promise<BlobStream> {
    const { budget, blocks, clock, logger } = this.#shared;
    const limit = this.#policy.connections;
    const firstEnd = offset + firstBytes;
    const askedAt = clock.monotonic();
    const first = await this.#first(open, offset, firstEnd, signal);
    if (first === undefined) return this.#inOne(open, offset, signal);
    const host = this.#hostOf(first);
    const { range, size } = first;
    if (range === undefined) {
      // The whole blob came, which is used; to ask for parts of it again would give it again.
      host.learn(1);
      return this.#over(first);
    }
    if (size === undefined) {
      // Where the blob ends is not to be taken from a manifest.
      host.learn(1);
      await first.body[Symbol.asyncIterator]().return?.();
      return this.#inOne(open, offset, signal);
    }
    const body = new RangedBody({
      first,
      firstEnd: Math.min(firstEnd, size),
      latencyMs: clock.monotonic() - askedAt,
      range,
      size,
      host,
      spare: () => host.connections + this.#opening < limit,
      limit,
      budget,
      blocks,
      signal,
      clock,
      logger,
    });
    return { ...first, body };
  }

  /** The first range; undefined where the range alone may be what is refused, and the blob can be asked for without one. */
  async #first(
    open: PartOpener,
    offset: number,
    end: number,
    signal: AbortSignal,
  ): Promise<BlobStream | undefined> {
    try {
      return await this.#asked(open(offset, signal, end));
    } catch (error) {
      const { kind, status = 0 } = error instanceof UpstreamError ? error : {};
      const isRefused = status >= 400 && status < 500 && kind !== 'rate-limited' && kind !== 'timeout';
      if (offset > 0 || !isRefused) throw error;
      return undefined;
    }
  }

  async #asked(opened: Promise<BlobStream>): Promise<BlobStream> {
    this.#opening += 1;
    try {
      return await opened;
    } finally {
      this.#opening -= 1;
    }
  }

  #over(stream: BlobStream): BlobStream {
    return { ...stream, body: watched(stream.body, { onOver: this.#hostOf(stream).connect() }) };
  }

  #hostOf({ host }: BlobStream): Host {
    this.#host = this.#shared.hosts.of(host);
    return this.#host;
  }
}
