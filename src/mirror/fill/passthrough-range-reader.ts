import { wrongSize } from './passthrough-reader.ts';
import type { ResumableBlob } from './resumable-blob.ts';

/** Bytes that are passed over rather than to ask upstream once more. */
const maxSkip = 1024 * 1024;

/**
 * Reads a stretch out of a blob straight from upstream, for when nothing can be stored: from its own first byte, since a
 * large blob that is asked for in parts would otherwise be fetched from the beginning for each of them. What it gives is not
 * verified, no more than a range is that joins a fill; so it ends before the bytes that have to wait for the hash.
 */
export class PassthroughRangeReader {
  /** It never knows how many bytes the blob has in all. */
  readonly size = undefined;
  readonly #end: number;
  readonly #blob: ResumableBlob;
  #chunks: AsyncGenerator<Buffer, void, undefined>;
  #chunk: Buffer = Buffer.alloc(0);
  #position: number;

  /** @param blob from `position` on */
  constructor(blob: ResumableBlob, position: number, end: number) {
    this.#end = end;
    this.#position = position;
    this.#blob = blob;
    this.#chunks = blob.bytes(() => undefined);
  }

  /** Whether it gives the bytes from `position` on: they have not gone by, come soon, and lie before its end. */
  canReach(position: number): boolean {
    return position >= this.#position && position - this.#position <= maxSkip && position < this.#end;
  }

  /** As BlobSource.read, for a position that it {@link canReach}. Rejects with RegistryError where upstream has less. */
  async read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    if (!this.canReach(position)) throw new RangeError('these bytes are not within reach');
    for (;;) {
      this.#take(Math.min(position - this.#position, this.#chunk.length));
      const wanted = Math.min(length, this.#end - position, this.#chunk.length);
      if (wanted > 0) {
        this.#chunk.copy(buffer, 0, 0, wanted);
        this.#take(wanted);
        return wanted;
      }
      // A chunk is good until the next is asked for, and is used up by then.
      const { value, done } = await this.#chunks.next();
      if (done !== true) {
        this.#chunk = value;
      } else if (this.#blob.goesOn()) {
        this.#chunks = this.#blob.bytes(() => undefined);
      } else {
        throw wrongSize();
      }
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return();
  }

  #take(length: number): void {
    this.#chunk = this.#chunk.subarray(length);
    this.#position += length;
  }
}
