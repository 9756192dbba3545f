import { UpstreamError, type BlobOpener } from '../../../upstream/registry.ts';
import { blockBytes, type Blocks } from '../blocks.ts';
import type { ByteBudget } from './budget.ts';

export interface SegmentDeps {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly open: BlobOpener;
  /** Counts a connection, until what it returns is called. */
  readonly connect: () => () => void;
  /** Limits the bytes that come before their turn. */
  readonly budget: ByteBudget;
  /** The memory that they wait in. */
  readonly blocks: Blocks;
  readonly onBytes: (bytes: number) => void;
  /** Told when a connection is free again. */
  readonly onLeft: () => void;
  /** @param isRefused whether not a byte has come */
  readonly onFailure: (error: unknown, isRefused: boolean) => void;
}

/** Bytes that wait: those in front of `length`. */
interface Waiting {
  readonly block: Buffer;
  length: number;
}

/**
 * One range of a blob. It may begin before its turn, and then waits in memory. It is asked for twice at most,
 * the second time from where the first ended, when its turn has come.
 */
export class Segment {
  readonly #deps: SegmentDeps;
  readonly #queue: Waiting[] = [];
  readonly #ahead: Promise<void>;
  /** Where the bytes that have come end. */
  #position: number;
  /** Bytes taken from the budget. */
  #taken: number;
  #chunks: AsyncIterator<Buffer, unknown> | undefined;
  #release: (() => void) | undefined;
  #isItsTurn = false;
  #isFlowing = false;
  #isComplete = false;
  #isClosed = false;
  #failures = 0;

  /** @param taken bytes taken from the budget: all that come before its turn, or none */
  constructor(deps: SegmentDeps, taken: number) {
    this.#deps = deps;
    this.#position = deps.start;
    this.#taken = taken;
    this.#ahead = this.#fetchAhead();
  }

  /** Bytes that are still to come. */
  get left(): number {
    return this.#deps.end - this.#position;
  }

  /** Whether it has a connection, or asks for one. */
  get isArriving(): boolean {
    return this.#release !== undefined;
  }

  /** Whether bytes come. */
  get isFlowing(): boolean {
    return this.#isFlowing && this.isArriving;
  }

  /** Whether it waits for its turn to be asked for once more. */
  get isBroken(): boolean {
    return this.#failures > 0 && !this.#isComplete && !this.isArriving;
  }

  /**
   * Its bytes, now that it is its turn; a chunk is good until the next is asked for. Rejects with its second
   * failure.
   */
  async *bytes(): AsyncGenerator<Buffer, void, undefined> {
    this.#isItsTurn = true;
    yield* this.#waiting();
    await this.#ahead;
    yield* this.#waiting();
    this.#giveBack(this.#taken);
    while (!this.#isComplete) {
      let chunk: Buffer | undefined;
      try {
        chunk = await this.#read();
      } catch (error) {
        this.#fail(error);
        if (this.#isComplete) return;
        if (this.#isClosed || this.#failures > 1 || !(error instanceof UpstreamError)) throw error;
      }
      if (chunk !== undefined) yield chunk;
    }
  }

  /** Lets go of the connection and of what waits. */
  close(): void {
    this.#isClosed = true;
    for (const { block } of this.#queue.splice(0)) this.#deps.blocks.giveBack(block);
    this.#giveBack(this.#taken);
    this.#leave();
  }

  async #fetchAhead(): Promise<void> {
    try {
      await this.#connected();
      while (this.#taken > 0 && !this.#isItsTurn) {
        const chunk = await this.#read();
        if (chunk === undefined || this.#isClosed) return;
        this.#keep(chunk);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Copies a chunk that has come early. */
  #keep(chunk: Buffer): void {
    for (let copied = 0; copied < chunk.length;) {
      let last = this.#queue.at(-1);
      if (last === undefined || last.length === last.block.length) {
        last = { block: this.#deps.blocks.take(blockBytes), length: 0 };
        this.#queue.push(last);
      }
      const count = chunk.copy(last.block, last.length, copied);
      last.length += count;
      copied += count;
    }
  }

  *#waiting(): Generator<Buffer, void, undefined> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const { block, length } = next;
      try {
        yield block.subarray(0, length);
      } finally {
        this.#deps.blocks.giveBack(block);
        this.#giveBack(length);
      }
    }
  }

  /** The next chunk; undefined at the end. */
  async #read(): Promise<Buffer | undefined> {
    const chunks = await this.#connected();
    const { done, value } = await chunks.next();
    if (done === true) {
      if (this.left > 0) throw new UpstreamError('unavailable', 'upstream ended a range too early');
      this.#isComplete = true;
      this.#leave();
      return undefined;
    }
    if (value.length > this.left)
      throw new UpstreamError('invalid', 'upstream sent more than it was asked for');
    this.#position += value.length;
    this.#isFlowing = true;
    this.#deps.onBytes(value.length);
    return value;
  }

  async #connected(): Promise<AsyncIterator<Buffer, unknown>> {
    if (this.#chunks !== undefined) return this.#chunks;
    const { open, connect, end } = this.#deps;
    this.#release ??= connect();
    const stream = await open({ offset: this.#position, end });
    const chunks = stream.body[Symbol.asyncIterator]();
    this.#chunks = chunks;
    if (this.#isClosed) {
      this.#leave();
      throw new UpstreamError('aborted', 'the download was given up');
    }
    if (stream.offset !== this.#position || stream.range === undefined)
      throw new UpstreamError('invalid', `${stream.host} answers with the whole blob in place of a range`);
    return chunks;
  }

  #fail(error: unknown): void {
    // A failure once all bytes are here does not matter.
    this.#isComplete = this.left === 0;
    if (!this.#isComplete) this.#failures += 1;
    this.#leave();
    if (!this.#isClosed && !this.#isComplete) this.#deps.onFailure(error, !this.#isFlowing);
  }

  /** Ends the use of the connection; one whose answer was not read to its end is closed. */
  #leave(): void {
    void this.#chunks?.return?.();
    this.#chunks = undefined;
    if (this.#release === undefined) return;
    this.#release();
    this.#release = undefined;
    if (!this.#isClosed) this.#deps.onLeft();
  }

  #giveBack(bytes: number): void {
    const given = Math.min(bytes, this.#taken);
    this.#taken -= given;
    this.#deps.budget.give(given);
  }
}
