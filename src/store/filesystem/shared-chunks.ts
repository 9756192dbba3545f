import type { Loan } from '../content-store.ts';

/**
 * In bytes. Large, since each read or write costs a trip to another thread or into the kernel; and few, since
 * readers of one file that start together stay together.
 */
const defaultLimits: SharedChunksLimits = { chunk: 2 * 1024 * 1024, chunks: 16 };

/** How long the memory for chunks is kept for the next readers, more or less, in milliseconds. */
const idleMs = 10_000;

interface SharedChunksLimits {
  /** Bytes of a chunk. */
  readonly chunk: number;
  /** Chunks that are in memory at most. */
  readonly chunks: number;
}

interface Chunk {
  readonly file: string;
  readonly buffer: Buffer;
  /** Bytes read; rejects when they could not be. */
  readonly arrived: Promise<number>;
  holders: number;
  /** Whether it is out of the cache: its buffer is free once nobody holds it. */
  dropped: boolean;
}

/** Reads from `position` until `buffer` is full or the file ends. Resolves to the number of bytes read. */
type ReadChunk = (buffer: Buffer, position: number) => Promise<number>;

/**
 * What readers of the same file have read lately, shared among them. Files go by names that change with their
 * contents.
 */
export class SharedChunks {
  readonly #limits: SharedChunksLimits;
  readonly #readers = new Map<string, number>();
  /** The least recently used first. */
  readonly #chunks = new Map<string, Chunk>();
  /**
   * For all chunks, while there are readers and some seconds longer. One large piece goes back to the system
   * when freed; smaller ones the C library would keep in its heap.
   */
  #memory: Buffer | undefined;
  /** Buffers cut from {@link #memory} so far. */
  #buffers = 0;
  readonly #free: Buffer[] = [];
  /** Whether a look is due at whether the memory can go. */
  #looksLater = false;

  constructor(limits: SharedChunksLimits = defaultLimits) {
    this.#limits = limits;
  }

  /** Bytes that are in memory for chunks, in use or not: what was never used of a large piece takes none. */
  get bytes(): number {
    return this.#buffers * this.#limits.chunk;
  }

  enter(file: string): void {
    this.#readers.set(file, (this.#readers.get(file) ?? 0) + 1);
  }

  /** To be called once for each {@link enter}. With the last reader of a file, its chunks go. */
  leave(file: string): void {
    const left = (this.#readers.get(file) ?? 1) - 1;
    if (left > 0) {
      this.#readers.set(file, left);
      return;
    }
    this.#readers.delete(file);
    for (const [key, chunk] of this.#chunks) if (chunk.file === file) this.#drop(key, chunk);
    this.#letGoLater();
  }

  /** Where the chunk ends that has the byte at `position`. */
  endOf(position: number): number {
    const { chunk } = this.#limits;
    return position - (position % chunk) + chunk;
  }

  /** How many of `length` bytes from `position` to read unshared: none beyond the next chunk. */
  apart(file: string, length: number, position: number): number {
    return this.#isShared(file) ? Math.min(length, this.endOf(position) - position) : length;
  }

  /**
   * Up to `length` bytes from `position`. Undefined where the caller has to read itself: it is the only
   * reader, wants part of a chunk that is not cached, slow readers hold all chunks, or the read failed.
   */
  async lend(file: string, length: number, position: number, read: ReadChunk): Promise<Loan | undefined> {
    const offset = position % this.#limits.chunk;
    const start = position - offset;
    const key = `${file} ${start}`;
    let chunk = this.#chunks.get(key);
    if (chunk === undefined) {
      const buffer = offset === 0 && this.#isShared(file) ? this.#buffer() : undefined;
      if (buffer === undefined) return undefined;
      chunk = { file, buffer, arrived: read(buffer, start), holders: 0, dropped: false };
    } else {
      this.#chunks.delete(key);
    }
    this.#chunks.set(key, chunk);
    return this.#held(key, chunk, length, offset);
  }

  async #held(key: string, chunk: Chunk, length: number, offset: number): Promise<Loan | undefined> {
    chunk.holders += 1;
    const release = (): void => {
      chunk.holders -= 1;
      if (chunk.dropped && chunk.holders === 0) this.#giveBack(chunk.buffer);
    };
    try {
      const end = Math.min(await chunk.arrived, offset + length);
      if (end > offset) return { bytes: chunk.buffer.subarray(offset, end), release };
    } catch {
      // Whoever reads for itself now learns why.
      this.#drop(key, chunk);
    }
    release();
    return undefined;
  }

  #isShared(file: string): boolean {
    return (this.#readers.get(file) ?? 0) > 1;
  }

  #buffer(): Buffer | undefined {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const { chunk: bytes, chunks } = this.#limits;
    if (this.#buffers < chunks) {
      this.#memory ??= Buffer.allocUnsafeSlow(bytes * chunks);
      const start = this.#buffers * bytes;
      this.#buffers += 1;
      return this.#memory.subarray(start, start + bytes);
    }
    for (const [key, chunk] of this.#chunks) {
      if (chunk.holders > 0) continue;
      this.#drop(key, chunk);
      return this.#free.pop();
    }
    return undefined;
  }

  #drop(key: string, chunk: Chunk): void {
    if (chunk.dropped) return;
    chunk.dropped = true;
    this.#chunks.delete(key);
    if (chunk.holders === 0) this.#giveBack(chunk.buffer);
  }

  #giveBack(buffer: Buffer): void {
    this.#free.push(buffer);
    this.#letGoLater();
  }

  #letGoLater(): void {
    if (this.#memory === undefined || this.#looksLater || !this.#isIdle) return;
    this.#looksLater = true;
    setTimeout(() => {
      this.#looksLater = false;
      if (!this.#isIdle) return;
      this.#free.length = 0;
      this.#buffers = 0;
      this.#memory = undefined;
    }, idleMs).unref();
  }

  /** Whether nobody reads, and nothing is lent. */
  get #isIdle(): boolean {
    return this.#readers.size === 0 && this.#free.length === this.#buffers;
  }
}
