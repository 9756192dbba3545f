/** Bytes in order, from the first on. Rejects with what their source fails with. */
export interface ByteInput {
  /** Bytes taken and skipped so far. */
  readonly position: number;
  /** The next `length` bytes; fewer at the end. */
  take(length: number): Promise<Buffer>;
  /** The next `length` bytes in chunks, each good until the next is asked for; fewer at the end. To be read to its end. */
  chunks(length: number): AsyncGenerator<Buffer>;
  /** Leaves out up to `length` bytes; resolves to how many there were. */
  skip(length: number): Promise<number>;
}

/** Random access to bytes. */
export interface RandomAccess {
  /** Bytes in all. */
  readonly size: number;
  /** Reads into the front of `buffer`; 0 only at the end. */
  read(buffer: Buffer, position: number): Promise<number>;
}

/** What comes out of a pipe, or out of a decompressor. */
export class StreamInput implements ByteInput {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Buffer = Buffer.alloc(0);
  #position = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  get position(): number {
    return this.#position;
  }

  /** The next byte, which stays; undefined at the end. */
  async peek(): Promise<number | undefined> {
    await this.#fill();
    return this.#chunk[0];
  }

  async take(length: number): Promise<Buffer> {
    const first = await this.#some(length);
    if (first.length === length) return first;
    const parts = [first];
    for await (const part of this.chunks(length - first.length)) parts.push(part);
    return Buffer.concat(parts);
  }

  async *chunks(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0;) {
      const chunk = await this.#some(left);
      if (chunk.length === 0) return;
      left -= chunk.length;
      yield chunk;
    }
  }

  async skip(length: number): Promise<number> {
    let skipped = 0;
    for await (const chunk of this.chunks(length)) skipped += chunk.length;
    return skipped;
  }

  async #fill(): Promise<void> {
    while (this.#chunk.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return;
      const { buffer, byteOffset, byteLength } = next.value;
      this.#chunk = Buffer.from(buffer, byteOffset, byteLength);
    }
  }

  async #some(most: number): Promise<Buffer> {
    await this.#fill();
    const taken = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(taken.length);
    this.#position += taken.length;
    return taken;
  }
}

/** What can be read anywhere: skipping costs nothing. */
export class RandomInput implements ByteInput {
  readonly #bytes: RandomAccess;
  #position = 0;

  constructor(bytes: RandomAccess) {
    this.#bytes = bytes;
  }

  get position(): number {
    return this.#position;
  }

  take(length: number): Promise<Buffer> {
    return joined(this.chunks(length), length);
  }

  async *chunks(length: number): AsyncGenerator<Buffer> {
    for await (const chunk of chunksOf(this.#bytes, this.#position, length)) {
      this.#position += chunk.length;
      yield chunk;
    }
  }

  skip(length: number): Promise<number> {
    const skipped = Math.max(0, Math.min(length, this.#bytes.size - this.#position));
    this.#position += skipped;
    return Promise.resolve(skipped);
  }
}

const chunkLength = 1024 * 1024;

/** One is read into while the other one is used. */
const buffers = 2;

/** A part of some bytes. Reads one chunk ahead. A chunk is good until the next is asked for. */
export async function* chunksOf(bytes: RandomAccess, from: number, length: number): AsyncGenerator<Buffer> {
  const end = Math.min(from + length, bytes.size);
  const ring: Buffer[] = [];
  let turn = 0;
  const next = async (position: number): Promise<Buffer> => {
    const wanted = Math.max(0, Math.min(chunkLength, end - position));
    if (wanted === 0) return Buffer.alloc(0);
    turn = (turn + 1) % buffers;
    const buffer = (ring[turn] ??= Buffer.allocUnsafeSlow(Math.min(chunkLength, end - from)));
    return buffer.subarray(0, await bytes.read(buffer.subarray(0, wanted), position));
  };
  let position = from;
  let reading = next(position);
  for (;;) {
    const chunk = await reading;
    if (chunk.length === 0) return;
    position += chunk.length;
    reading = next(position);
    // Its failure is told when it is awaited, if it ever is.
    reading.catch(() => undefined);
    yield chunk;
  }
}

/** Up to `length` bytes as one. */
export async function joined(chunks: AsyncIterable<Uint8Array>, length: number): Promise<Buffer> {
  const whole = Buffer.alloc(length);
  let filled = 0;
  for await (const chunk of chunks) {
    whole.set(chunk, filled);
    filled += chunk.length;
  }
  return whole.subarray(0, filled);
}
