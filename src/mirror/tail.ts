/** Bytes of a block: what one write to a socket takes. */
const blockBytes = 512 * 1024;

/** Readers that follow a fill are rarely farther behind than these; those that are read from the store. */
const blocksKept = 6;

interface Block {
  /** Position of its first byte. */
  readonly start: number;
  readonly bytes: Buffer;
  /** Bytes that are written; they never change again. */
  length: number;
}

/** The latest bytes of a fill, in memory, so that all who follow it closely can send the same ones without a copy. */
export class Tail {
  readonly #blocks: Block[] = [];
  #end: number;
  readonly #size: number;

  /** @param size bytes of the whole blob; Infinity while that is not known */
  constructor(start: number, size: number) {
    this.#end = start;
    this.#size = size;
  }

  append(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      for (let taken = 0; taken < chunk.length;) {
        const block = this.#open();
        const count = Math.min(chunk.length - taken, block.bytes.length - block.length);
        block.bytes.set(chunk.subarray(taken, taken + count), block.length);
        block.length += count;
        this.#end += count;
        taken += count;
      }
    }
  }

  /** Up to `length` bytes from `position`, to be read only; undefined when they are not kept. */
  view(length: number, position: number): Buffer | undefined {
    const block = this.#blocks.findLast(({ start }) => start <= position);
    if (block === undefined || position >= block.start + block.length) return undefined;
    const from = position - block.start;
    return block.bytes.subarray(from, Math.min(from + length, block.length));
  }

  /** The block that has room. Small blobs get one of their own size. */
  #open(): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.length < last.bytes.length) return last;
    const left = this.#size - this.#end;
    const bytes = Buffer.allocUnsafeSlow(left > 0 ? Math.min(left, blockBytes) : blockBytes);
    const block = { start: this.#end, bytes, length: 0 };
    this.#blocks.push(block);
    if (this.#blocks.length > blocksKept) this.#blocks.shift();
    return block;
  }
}
