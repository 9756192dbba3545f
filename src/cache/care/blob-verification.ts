import type { Digest } from '../../oci/digest.ts';
import type { StoredBlob, VerifyOptions } from '../../store/content-store.ts';
import { pagesOf } from './pages.ts';
import type { VerificationParts } from './verification-parts.ts';
import type { VerifyEvent } from './verify-events.ts';
import type { VerifyTotals } from './verify-totals.ts';

/** Milliseconds between two events of progress. */
const progressMs = 250;

/** Hashes every blob: those that the database knows, and then the files that it does not. */
export class BlobVerification {
  readonly #parts: VerificationParts;
  readonly #totals: VerifyTotals;
  readonly #repair: boolean;
  #progressAt = -Infinity;

  constructor(parts: VerificationParts, totals: VerifyTotals, repair: boolean) {
    this.#parts = parts;
    this.#totals = totals;
    this.#repair = repair;
  }

  async *held(): AsyncGenerator<VerifyEvent> {
    const { metadata, clock } = this.#parts;
    const { evictions, inventory } = metadata;
    const { blobs, bytes } = await evictions.usage();
    this.#totals.expect(blobs, bytes);
    yield this.#totals.progress();
    const pages = pagesOf<StoredBlob, Digest>(
      (after, limit) => inventory.blobs(after, limit),
      ({ digest }) => digest,
    );
    for await (const page of pages) {
      const intact: Digest[] = [];
      for (const blob of page) {
        if (yield* this.#held(blob)) intact.push(blob.digest);
      }
      if (this.#repair) await inventory.putVerified(intact, clock.now());
    }
  }

  async *files(): AsyncGenerator<VerifyEvent> {
    for await (const blob of this.#parts.content.list()) {
      if (await this.#isOrphan(blob.digest)) yield* this.#orphan(blob);
    }
  }

  /** True when its bytes are what they should be. */
  async *#held({ digest, size }: StoredBlob): AsyncGenerator<VerifyEvent, boolean> {
    const { blobs, content, metadata } = this.#parts;
    const verdict = yield* this.#hash(size, (options) => blobs.examine(digest, options));
    if (verdict === 'gone') return false;
    if (verdict === 'intact') {
      const actual = await content.size(digest);
      if (actual === undefined || actual === size || (await metadata.blob(digest)) !== size) return true;
      if (this.#repair) await metadata.putBlob(digest, actual);
      const detail = `the database states ${size} bytes for ${digest}, which has ${actual}`;
      yield this.#totals.finding({ kind: 'size', repaired: this.#repair, digest, detail });
      return true;
    }
    const images = await blobs.images(digest);
    if (this.#repair) await blobs.takeOut(digest);
    const detail =
      verdict === 'damaged'
        ? `the bytes of ${digest} are not what they should be`
        : `the bytes of ${digest} are missing`;
    yield this.#totals.finding({ kind: verdict, loss: true, repaired: this.#repair, digest, images, detail });
    return false;
  }

  /** Who fills or adopts a blob comes to its row last; who evicts it, to its file. */
  async #isOrphan(digest: Digest): Promise<boolean> {
    const { metadata, inUse } = this.#parts;
    if (inUse.has(digest) || (await metadata.blob(digest)) !== undefined) return false;
    return !(await metadata.evictions.isCondemned(digest));
  }

  async *#orphan({ digest, size }: StoredBlob): AsyncGenerator<VerifyEvent> {
    const { content } = this.#parts;
    this.#totals.expect(1, size);
    const verdict = yield* this.#hash(size, (options) => content.verify(digest, options));
    if (verdict === 'missing' || !(await this.#isOrphan(digest))) return;
    if (verdict === 'damaged') {
      if (this.#repair) await content.quarantine(digest);
      const detail = `a file that the database does not know is not ${digest}, as its name says`;
      yield this.#totals.finding({ kind: 'orphan-damaged', repaired: this.#repair, digest, detail });
      return;
    }
    if (this.#repair) await this.#adopt(digest, size);
    const detail = `${digest} is on the disk, and the database does not know it`;
    yield this.#totals.finding({ kind: 'orphan', repaired: this.#repair, digest, detail });
  }

  async #adopt(digest: Digest, size: number): Promise<void> {
    const release = this.#parts.inUse.hold(digest);
    try {
      await this.#parts.metadata.adoptBlob(digest, size);
    } finally {
      release();
    }
  }

  /** Hashes a blob of `size` bytes, and tells now and then how far it is. */
  async *#hash<T>(
    size: number,
    work: (options: VerifyOptions) => Promise<T>,
  ): AsyncGenerator<VerifyEvent, T> {
    const { clock } = this.#parts;
    const ending = new AbortController();
    const { signal } = ending;
    const onBytes = (bytes: number): void => this.#totals.hashed(bytes);
    this.#totals.begin(size);
    const outcome = work({ signal, onBytes }).then((value) => ({ value }));
    try {
      for (;;) {
        const first = await Promise.race([outcome, clock.sleep(progressMs, signal)]);
        if (first !== undefined) {
          this.#totals.end();
          return first.value;
        }
        if (clock.monotonic() - this.#progressAt >= progressMs) {
          this.#progressAt = clock.monotonic();
          yield this.#totals.progress();
        }
      }
    } finally {
      ending.abort();
    }
  }
}
