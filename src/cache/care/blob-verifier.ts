import type { Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ContentStore, StoredBlob, VerifyOptions } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import type { InUse } from '../in-use.ts';
import type { BlobChecker } from './blob-checker.ts';
import { pagesOf } from './pages.ts';
import type { VerifyEvent } from './schemas.ts';
import type { VerifyTotals } from './verify-totals.ts';

/** Milliseconds between two events of progress. */
const progressMs = 250;

export interface BlobVerifierDeps {
  readonly content: ContentStore;
  readonly metadata: MetadataStore;
  readonly blobs: BlobChecker;
  readonly inUse: InUse;
  readonly clock: Clock;
}

/** Hashes every blob: those in the database first, then the files that are not in it. */
export class BlobVerifier {
  readonly #deps: BlobVerifierDeps;
  readonly #totals: VerifyTotals;
  readonly #repair: boolean;
  #progressAt = -Infinity;

  constructor(deps: BlobVerifierDeps, totals: VerifyTotals, repair: boolean) {
    this.#deps = deps;
    this.#totals = totals;
    this.#repair = repair;
  }

  /** Blobs that the database has. */
  async *recorded(): AsyncGenerator<VerifyEvent> {
    const { metadata, clock } = this.#deps;
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
        if (yield* this.#recorded(blob)) intact.push(blob.digest);
      }
      if (this.#repair) await inventory.putVerified(intact, clock.now());
    }
  }

  /** Files that the database does not have. */
  async *orphans(): AsyncGenerator<VerifyEvent> {
    for await (const blob of this.#deps.content.list()) {
      if (await this.#isOrphan(blob.digest)) yield* this.#orphan(blob);
    }
  }

  /** True when its bytes match its digest. */
  async *#recorded({ digest, size }: StoredBlob): AsyncGenerator<VerifyEvent, boolean> {
    const { blobs, content, metadata } = this.#deps;
    const repaired = this.#repair;
    const condition = yield* this.#hash(size, (options) => blobs.examine(digest, options));
    if (condition === 'gone') return false;
    if (condition === 'intact') {
      const actual = await content.size(digest);
      if (actual === undefined || actual === size || (await metadata.blob(digest)) !== size) return true;
      if (repaired) await metadata.putBlob(digest, actual);
      const detail = `the database states ${size} bytes for ${digest}, which has ${actual}`;
      yield this.#totals.finding({ kind: 'size', repaired, digest, detail });
      return true;
    }
    const images = await blobs.images(digest);
    if (repaired) await blobs.takeOut(digest);
    const fault = condition === 'damaged' ? 'do not match the digest' : 'are missing';
    const detail = `the bytes of ${digest} ${fault}`;
    yield this.#totals.finding({ kind: condition, loss: true, repaired, digest, images, detail });
    return false;
  }

  /** A fill or an adoption writes the row last; an eviction removes the file last. */
  async #isOrphan(digest: Digest): Promise<boolean> {
    const { metadata, inUse } = this.#deps;
    if (inUse.has(digest) || (await metadata.blob(digest)) !== undefined) return false;
    return !(await metadata.evictions.isCondemned(digest));
  }

  async *#orphan({ digest, size }: StoredBlob): AsyncGenerator<VerifyEvent> {
    const { content } = this.#deps;
    const repaired = this.#repair;
    this.#totals.expect(1, size);
    const verdict = yield* this.#hash(size, (options) => content.verify(digest, options));
    if (verdict === 'missing' || !(await this.#isOrphan(digest))) return;
    if (verdict === 'damaged') {
      if (repaired) await content.quarantine(digest);
      const detail = `a file that the database does not know is not ${digest}, as its name says`;
      yield this.#totals.finding({ kind: 'orphan-damaged', repaired, digest, detail });
      return;
    }
    if (repaired) await this.#adopt(digest, size);
    const detail = `${digest} is on the disk, and the database does not know it`;
    yield this.#totals.finding({ kind: 'orphan', repaired, digest, detail });
  }

  async #adopt(digest: Digest, size: number): Promise<void> {
    using _ = this.#deps.inUse.hold(digest);
    await this.#deps.metadata.adoptBlob(digest, size);
  }

  /** Hashes a blob of `size` bytes, and reports progress now and then. */
  async *#hash<T>(
    size: number,
    work: (options: VerifyOptions) => Promise<T>,
  ): AsyncGenerator<VerifyEvent, T> {
    const { clock } = this.#deps;
    const ending = new AbortController();
    const { signal } = ending;
    this.#totals.beginBlob(size);
    const outcome = work({ signal, onBytes: (bytes) => this.#totals.hashed(bytes) }).then((value) => ({
      value,
    }));
    try {
      for (;;) {
        const first = await Promise.race([outcome, clock.sleep(progressMs, signal)]);
        if (first !== undefined) {
          this.#totals.endBlob();
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
