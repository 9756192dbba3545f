const KiB = 1024;

/**
 * In bytes. Each read and write is a trip to another thread or into the kernel: large buffers are cheaper.
 */
const sizes = [16, 64, 128, 256, 512, 1024, 2048].map((size) => size * KiB);
const [smallest = 0] = sizes;

/** A stream reads into one while the other is written. */
const buffersOfStream = 2;

/**
 * Reused buffers for sending blobs. They are not cleared: send only what was read into them. Streams share
 * the memory in equal parts, so that a late stream is as fast as those before it.
 */
export class BufferPool {
  /** Bytes, lent and kept, beyond which only the smallest buffers are lent. */
  readonly #limit: number;
  readonly #idle = new Map<number, Buffer[]>(sizes.map((size) => [size, []]));
  #streams = 0;
  #idleBytes = 0;
  #lentBytes = 0;

  constructor(limit = 16 * KiB * KiB) {
    this.#limit = limit;
  }

  get lentBytes(): number {
    return this.#lentBytes;
  }

  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** A stream begins, which will take two buffers at a time. */
  enter(): void {
    this.#streams += 1;
  }

  /** A stream ends. */
  leave(): void {
    this.#streams -= 1;
  }

  /** Lends a buffer for `wanted` bytes, larger or, for long content or among many streams, smaller. */
  acquire(wanted: number): Buffer {
    const share = this.#limit / (buffersOfStream * this.#streams);
    const fitting = sizes.find((size) => size >= wanted) ?? Infinity;
    const size =
      sizes.findLast((size) => size <= Math.min(fitting, share, this.#limit - this.#lentBytes)) ?? smallest;
    this.#lentBytes += size;
    const buffer = this.#idle.get(size)?.pop();
    if (buffer === undefined) {
      this.#trim(this.#limit - this.#lentBytes);
      return Buffer.allocUnsafeSlow(size);
    }
    this.#idleBytes -= size;
    return buffer;
  }

  /** Takes a buffer back. Nothing may read from it or write to it any more. */
  release(buffer: Buffer): void {
    this.#lentBytes -= buffer.length;
    this.#idleBytes += buffer.length;
    this.#idle.get(buffer.length)?.push(buffer);
    this.#trim(Math.min(this.#limit / 2, this.#limit - this.#lentBytes));
  }

  /** Lets go of kept buffers, the largest first, until no more than `bytes` are kept. */
  #trim(bytes: number): void {
    for (const [size, kept] of [...this.#idle].reverse()) {
      while (this.#idleBytes > bytes && kept.pop() !== undefined) this.#idleBytes -= size;
    }
  }
}
