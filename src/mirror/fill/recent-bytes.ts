import type { Ingest, Loan } from '../../store/content-store.ts';
import { blockBytes, type Blocks } from './blocks.ts';

/** Blocks of a fill: those being written, and the latest that were. Readers are rarely farther behind. */
const blocksKept = 6;
/** Bytes that wait behind the write under way, at which no more is taken from upstream. */
const backlogBytes = 1024 * 1024;
/** Bytes that are worth a write of their own: handing over to another thread costs more than 64 KiB. */
const batchBytes = 512 * 1024;
/** Milliseconds in which slow bytes may gather. */
const gatherMs = 16;

interface Block {
  /** Position of its first byte. */
  readonly start: number;
  readonly bytes: Buffer;
  /** Bytes that it holds; they never change again. */
  length: number;
  /** Loans that are out. */
  loans: number;
  /** Dropped by its fill: to be reused once every loan is returned. */
  dropped: boolean;
}

/**
 * The latest bytes of a fill, in memory: written to the store from here, and lent without a copy to all
 * readers that follow closely.
 */
export class RecentBytes {
  readonly #blocks: Block[] = [];
  readonly #pool: Blocks;
  readonly #size: number;
  /** Positions: what lies before `#taken` is written, or is being written since it was at `#writing`. */
  #writing: number;
  #taken: number;
  #end: number;

  /** @param size bytes of the whole blob; Infinity while that is not known */
  constructor(start: number, size: number, pool: Blocks) {
    this.#writing = start;
    this.#taken = start;
    this.#end = start;
    this.#size = size;
    this.#pool = pool;
  }

  /** Bytes that wait to be taken for writing. */
  get waiting(): number {
    return this.#end - this.#taken;
  }

  /** Copies `chunk`, which its giver uses again. */
  append(chunk: Uint8Array): void {
    for (let copied = 0; copied < chunk.length;) {
      const block = this.#open();
      const count = Math.min(chunk.length - copied, block.bytes.length - block.length);
      block.bytes.set(chunk.subarray(copied, copied + count), block.length);
      block.length += count;
      this.#end += count;
      copied += count;
    }
  }

  /** All that waits to be written. What was taken before has been. */
  take(): Buffer[] {
    this.#writing = this.#taken;
    this.#taken = this.#end;
    const from = this.#writing;
    return this.#blocks
      .filter(({ start, length }) => start + length > from)
      .map(({ start, bytes, length }) => bytes.subarray(Math.max(0, from - start), length));
  }

  /** Up to `length` bytes from `position`; undefined when they are gone, or slow readers hold too much. */
  lend(length: number, position: number): Loan | undefined {
    const block = this.#blocks.findLast(({ start }) => start <= position);
    if (block === undefined || position >= block.start + block.length || !this.#pool.mayLend)
      return undefined;
    const from = position - block.start;
    block.loans += 1;
    return {
      bytes: block.bytes.subarray(from, Math.min(from + length, block.length)),
      release: () => {
        block.loans -= 1;
        if (!block.dropped || block.loans > 0) return;
        this.#pool.letGo();
        this.#pool.giveBack(block.bytes);
      },
    };
  }

  /**
   * Writes what comes to an ingest: one batch is written while the next arrives, the first bytes at once.
   * Rejects with what either side, or `onWritten`, fails with; nothing is written after a failure.
   * @param onWritten told the bytes of each batch that can be read from the ingest
   */
  async writeTo(
    ingest: Pick<Ingest, 'write'>,
    bytes: AsyncIterable<Uint8Array>,
    onWritten: (bytes: number) => void,
  ): Promise<void> {
    let idle = true;
    let failed = false;
    let flushing = Promise.resolve();
    let hurry = false;
    let endPause: (() => void) | undefined;
    const pause = (): Promise<void> =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, gatherMs);
        endPause = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    const flush = async (): Promise<void> => {
      idle = false;
      while (this.waiting > 0) {
        const bytes = this.waiting;
        await ingest.write(this.take());
        onWritten(bytes);
        if (!hurry && this.waiting < batchBytes) await pause();
      }
      // Not after a failure: nothing may be written behind bytes that are missing.
      idle = true;
    };
    /** Until nothing waits any more. */
    const flushed = async (): Promise<void> => {
      hurry = true;
      endPause?.();
      await flushing;
      hurry = false;
    };
    try {
      for await (const chunk of bytes) {
        this.append(chunk);
        if (idle) {
          flushing = flush();
          // It is awaited below, where a failure is met; until then it must not count as unhandled.
          flushing.catch(() => {
            failed = true;
          });
        } else if (this.waiting >= batchBytes) endPause?.();
        if (failed || this.waiting >= backlogBytes) await flushed();
      }
    } finally {
      await flushed();
    }
  }

  /** Lets go of everything. Nothing may be taken for writing any more. */
  close(): void {
    for (const block of this.#blocks.splice(0)) this.#drop(block);
  }

  /** The block that has room. Small blobs get one of their own size. */
  #open(): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.length < last.bytes.length) return last;
    while (this.#blocks.length >= blocksKept) {
      const [first] = this.#blocks;
      if (first === undefined || first.start + first.length > this.#writing) break;
      this.#blocks.shift();
      this.#drop(first);
    }
    const left = this.#size - this.#end;
    const bytes = this.#pool.take(left > 0 ? Math.min(left, blockBytes) : blockBytes);
    const block = { start: this.#end, bytes, length: 0, loans: 0, dropped: false };
    this.#blocks.push(block);
    return block;
  }

  #drop(block: Block): void {
    block.dropped = true;
    if (block.loans > 0) this.#pool.hold();
    else this.#pool.giveBack(block.bytes);
  }
}
