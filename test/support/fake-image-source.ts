import type { ByteSource, ImageSource } from '../../src/cache/transfer/image-source.ts';
import type { ImagesItem, ImagesRequest } from '../../src/cache/transfer/schemas.ts';
import type { Digest } from '../../src/oci/digest.ts';

/** Images and contents as a test has them. */
export class FakeImageSource implements ImageSource {
  readonly contents = new Map<Digest, Buffer>();
  items: readonly ImagesItem[] = [];
  /** How many bytes of a content are read before reading fails. */
  readable = Infinity;
  /** Iterations and readers that are not over yet. */
  inUse = 0;

  /** What was asked for. */
  readonly requests: ImagesRequest[] = [];

  async *images(request: ImagesRequest): AsyncGenerator<ImagesItem> {
    this.requests.push(request);
    this.inUse += 1;
    try {
      yield* this.items;
    } finally {
      this.inUse -= 1;
    }
  }

  open(digest: Digest, offset = 0): Promise<ByteSource | undefined> {
    const bytes = this.contents.get(digest);
    if (bytes === undefined) return Promise.resolve(undefined);
    let position = offset;
    this.inUse += 1;
    return Promise.resolve({
      size: bytes.length,
      read: (buffer) => {
        if (position >= this.readable) return Promise.reject(new Error('the disk is broken'));
        const end = Math.min(this.readable, position + buffer.length);
        const read = bytes.copy(buffer, 0, position, end);
        position += read;
        return Promise.resolve(read);
      },
      [Symbol.asyncDispose]: () => {
        this.inUse -= 1;
        return Promise.resolve();
      },
    });
  }
}
