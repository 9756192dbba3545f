import type {
  BlobOutcome,
  ContentSink,
  GivenBlob,
  GivenImage,
  ImageOutcome,
  LackingBlob,
} from '../../src/cache/transfer/content-sink.ts';
import type { Digest } from '../../src/oci/digest.ts';
import type { Repository } from '../../src/oci/reference.ts';
import type { StoredBlob } from '../../src/store/content-store.ts';

/** Takes content as a test says, and remembers it. */
export class FakeContentSink implements ContentSink {
  /** Whole and partial blobs. */
  readonly blobs = new Map<Digest, Buffer>();
  readonly images: GivenImage[] = [];
  /** What was asked for. */
  readonly asked: { readonly repository: Repository | undefined; readonly blobs: readonly StoredBlob[] }[] =
    [];
  /** Blobs that are here already. */
  readonly held = new Set<Digest>();
  outcome: ImageOutcome = { tag: 'new', pinned: undefined };
  /** What taking a blob's chunk, or an image, fails with. */
  failure: Error | undefined;
  /** Uploads under way. */
  arriving = 0;

  lacking(repository: Repository | undefined, blobs: readonly StoredBlob[]): Promise<readonly LackingBlob[]> {
    this.asked.push({ repository, blobs });
    return Promise.resolve(
      blobs
        .filter(({ digest, size }) => !this.held.has(digest) && this.blobs.get(digest)?.length !== size)
        .map((blob) => ({ ...blob, held: false, offset: this.blobs.get(blob.digest)?.length ?? 0 })),
    );
  }

  async putBlob({ digest, size, offset }: GivenBlob, bytes: AsyncIterable<Uint8Array>): Promise<BlobOutcome> {
    if (this.held.has(digest)) return { state: 'held' };
    const before = this.blobs.get(digest) ?? Buffer.alloc(0);
    if (before.length < offset) return { state: 'gap', offset: before.length };
    this.arriving += 1;
    try {
      for await (const chunk of bytes) {
        if (this.failure !== undefined) throw this.failure;
        this.blobs.set(digest, Buffer.concat([this.blobs.get(digest) ?? Buffer.alloc(0), chunk]));
      }
    } finally {
      this.arriving -= 1;
    }
    return { state: this.blobs.get(digest)?.length === size ? 'stored' : 'mismatch' };
  }

  putImage(image: GivenImage): Promise<ImageOutcome> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.images.push(image);
    return Promise.resolve(this.outcome);
  }
}
