import { isRejectedRequest } from '../../../upstream/failure-policy.ts';
import {
  UpstreamError,
  type BlobRange,
  type BlobStream,
  type BlobOpener,
} from '../../../upstream/registry.ts';
import type { Host } from './hosts.ts';
import type { RangePolicy } from './policy.ts';
import { RangedBody, type SharedRanges } from './ranged-body.ts';
import { firstBytes } from './segment-size.ts';

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
   * The same blob, in ranges where that may help: where enough is left of it, as far as its size is known,
   * and the host gives ranges.
   */
  opener(open: BlobOpener): BlobOpener {
    return (rest, expectedSize = 0) => {
      const { connections, minBytes } = this.#policy;
      const isWorthIt = expectedSize - rest.offset >= Math.max(minBytes, 2 * firstBytes);
      return connections > 1 && isWorthIt && this.#host?.helpful !== 1
        ? this.#inRanges(open, rest)
        : this.#inOne(open, rest);
    };
  }

  async #inOne(open: BlobOpener, rest: BlobRange): Promise<BlobStream> {
    return this.#counted(await this.#asked(open(rest)));
  }

  async #inRanges(open: BlobOpener, rest: BlobRange): Promise<BlobStream> {
    const { clock } = this.#shared;
    const limit = this.#policy.connections;
    const firstEnd = rest.offset + firstBytes;
    const askedAt = clock.monotonic();
    const first = await this.#first(open, { ...rest, end: firstEnd });
    if (first === undefined) return this.#inOne(open, rest);
    const host = this.#hostOf(first);
    const { range, size } = first;
    if (range === undefined) {
      // The whole blob came, which is used; to ask for parts of it again would give it again.
      host.learn(1);
      return this.#counted(first);
    }
    if (size === undefined) {
      // Where the blob ends is not to be taken from a manifest.
      host.learn(1);
      await first.body[Symbol.asyncIterator]().return?.();
      return this.#inOne(open, rest);
    }
    const body = new RangedBody({
      ...this.#shared,
      first,
      firstEnd: Math.min(firstEnd, size),
      latencyMs: clock.monotonic() - askedAt,
      range,
      size,
      host,
      spare: () => host.connections + this.#opening < limit,
      limit,
      share: rest.share,
      signal: rest.signal,
    });
    return { ...first, body, ended: body.ended };
  }

  /** The first range; undefined where only the range may be refused, and the blob can be had without one. */
  async #first(open: BlobOpener, range: BlobRange): Promise<BlobStream | undefined> {
    try {
      return await this.#asked(open(range));
    } catch (error) {
      const isRejected = error instanceof UpstreamError && isRejectedRequest(error);
      if (range.offset > 0 || !isRejected) throw error;
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

  /** The stream takes up a connection until its body has ended. */
  #counted(stream: BlobStream): BlobStream {
    void stream.ended.then(this.#hostOf(stream).connect());
    return stream;
  }

  #hostOf({ host }: BlobStream): Host {
    this.#host = this.#shared.hosts.of(host);
    return this.#host;
  }
}
