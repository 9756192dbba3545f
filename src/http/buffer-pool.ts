const KiB = 1024;

/**
 * From small to large, in bytes. Each read and each write costs a trip to another thread or into the kernel, so the largest
 * halve the CPU time a byte takes; half as large already costs a quarter more.
 */
const sizes = [16 * KiB, 64 * KiB, 512 * KiB, 2048 * KiB] as const;

/** The share of the limit that may be lent before a size is no longer given out, so that many streams get smaller buffers. */
const shares: readonly number[] = [Infinity, 1, 7 / 8, 3 / 4];

export interface BufferPoolLimits {
  /** Bytes lent out beyond which only the smallest buffers are lent, so that many clients stay cheap. */
  readonly lent: number;
  /** Bytes kept for reuse at most. */
  readonly idle: number;
}

const defaultLimits: BufferPoolLimits = { lent: 32 * KiB * KiB, idle: 16 * KiB * KiB };

/** Buffers for sending blobs, used again and again. They come uncleared: send only what was read into them. */
export class BufferPool {
  readonly #limits: BufferPoolLimits;
  readonly #idle = new Map<number, Buffer[]>(sizes.map((size) => [size, []]));
  #idleBytes = 0;
  #lentBytes = 0;

  constructor(limits: BufferPoolLimits = defaultLimits) {
    this.#limits = limits;
  }

  get lentBytes(): number {
    return this.#lentBytes;
  }

  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** Lends a buffer for `wanted` bytes; it may be larger, and for long content or under load it is smaller. */
  acquire(wanted: number): Buffer {
    let index = sizes.findIndex((size) => size >= wanted);
    if (index === -1) index = sizes.length - 1;
    while (this.#lentBytes + (sizes[index] ?? 0) > this.#limits.lent * (shares[index] ?? 0)) index -= 1;
    const size = sizes[index] ?? sizes[0];
    this.#lentBytes += size;
    const buffer = this.#idle.get(size)?.pop();
    if (buffer === undefined) return Buffer.allocUnsafeSlow(size);
    this.#idleBytes -= size;
    return buffer;
  }

  /** Takes a buffer back. Nothing may read from it or write to it any more. */
  release(buffer: Buffer): void {
    this.#lentBytes -= buffer.length;
    if (this.#idleBytes + buffer.length > this.#limits.idle) return;
    this.#idleBytes += buffer.length;
    this.#idle.get(buffer.length)?.push(buffer);
  }
}
