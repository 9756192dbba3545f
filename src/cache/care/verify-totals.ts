import type { Finding, FindingKind, VerifyEvent } from './schemas.ts';

/** What a verification has looked at and found so far, as events. */
export class VerifyTotals {
  readonly #findings: Partial<Record<FindingKind, number>> = {};
  readonly #report = { blobs: 0, bytes: 0, manifests: 0, tags: 0, loss: false, repaired: 0 };
  readonly #expected = { blobs: 0, bytes: 0 };
  /** The blob that is being hashed. */
  #current = { size: 0, hashed: 0 };

  /** Adds to what there is to hash. */
  expect(blobs: number, bytes: number): void {
    this.#expected.blobs += blobs;
    this.#expected.bytes += bytes;
  }

  beginBlob(size: number): void {
    this.#current = { size, hashed: 0 };
  }

  /** A blob that is hashed twice, to be sure of it, counts once. */
  hashed(bytes: number): void {
    const { size, hashed } = this.#current;
    this.#current.hashed = Math.min(size, hashed + bytes);
  }

  endBlob(): void {
    this.#report.blobs += 1;
    this.#report.bytes += this.#current.size;
    this.beginBlob(0);
  }

  addManifest(): void {
    this.#report.manifests += 1;
  }

  setTags(count: number): void {
    this.#report.tags = count;
  }

  /** Fields that are left out are null, none or false. */
  finding(found: Pick<Finding, 'kind' | 'detail'> & Partial<Finding>): VerifyEvent {
    const finding = { loss: false, repaired: false, digest: null, images: [], ...found };
    this.#findings[finding.kind] = (this.#findings[finding.kind] ?? 0) + 1;
    if (finding.loss) this.#report.loss = true;
    if (finding.repaired) this.#report.repaired += 1;
    return { type: 'finding', finding };
  }

  progress(): VerifyEvent {
    const { blobs } = this.#report;
    const bytes = this.#report.bytes + this.#current.hashed;
    // Pulls that go on meanwhile may add to what was expected.
    const totalBlobs = Math.max(this.#expected.blobs, blobs);
    const totalBytes = Math.max(this.#expected.bytes, bytes);
    return { type: 'progress', progress: { blobs, bytes, totalBlobs, totalBytes } };
  }

  report(): VerifyEvent {
    return { type: 'report', report: { ...this.#report, findings: { ...this.#findings } } };
  }
}
