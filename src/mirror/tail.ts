/** Bytes kept. Readers that follow a fill are rarely farther behind than this; those that are read from the store. */
const capacity = 2 * 1024 * 1024;

/** The latest bytes of a fill, in memory, so that many who follow it closely need not each ask the disk for the same. */
export class Tail {
  readonly #chunks: Buffer[] = [];
  /** Position of the first byte kept. */
  #start: number;
  #length = 0;

  constructor(start: number) {
    this.#start = start;
  }

  append(chunks: readonly Buffer[]): void {
    for (const chunk of chunks) {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
    }
    while (this.#length > capacity) {
      const dropped = this.#chunks.shift()?.length ?? 0;
      this.#start += dropped;
      this.#length -= dropped;
    }
  }

  /** Copies up to `length` bytes from `position` into the front of `buffer`. Says how many: 0 when they are not kept. */
  copy(buffer: Uint8Array, length: number, position: number): number {
    let skip = position - this.#start;
    if (skip < 0 || skip >= this.#length) return 0;
    let copied = 0;
    for (const chunk of this.#chunks) {
      if (skip >= chunk.length) {
        skip -= chunk.length;
        continue;
      }
      copied += chunk.copy(buffer, copied, skip, Math.min(chunk.length, skip + length - copied));
      skip = 0;
      if (copied === length) break;
    }
    return copied;
  }
}
