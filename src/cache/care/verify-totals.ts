import type { Finding, FindingKind, VerifyEvent } from './verify-events.ts';

/** What there is to say of a finding; what is left out is null, none or false. */
export type FoundThing = Pick<Finding, 'kind' | 'detail'> & Partial<Finding>;

/** Adds up what a verification has looked at and found, and puts it into events. */
export class VerifyTotals {
  readonly #findings: Partial<Record<FindingKind, number>> = {};
  #totalBlobs = 0;
  #totalBytes = 0;
  #blobs = 0;
  #bytes = 0;
  /** Of the blob that is being hashed. */
  #size = 0;
  #hashed = 0;
  #manifests = 0;
  #tags = 0;
  #loss = false;
  #repaired = 0;

  /** There is so much more to look at than was known. */
  expect(blobs: number, bytes: number): void {
    this.#totalBlobs += blobs;
    this.#totalBytes += bytes;
  }

  begin(size: number): void {
    this.#size = size;
    this.#hashed = 0;
  }

  /** What is hashed twice, to be sure of it, counts once. */
  hashed(bytes: number): void {
    this.#hashed = Math.min(this.#size, this.#hashed + bytes);
  }

  end(): void {
    this.#blobs += 1;
    this.#bytes += this.#size;
    this.begin(0);
  }

  manifest(): void {
    this.#manifests += 1;
  }

  tags(count: number): void {
    this.#tags = count;
  }

  finding(found: FoundThing): VerifyEvent {
    const finding = { loss: false, repaired: false, digest: null, images: [], ...found };
    this.#findings[finding.kind] = (this.#findings[finding.kind] ?? 0) + 1;
    if (finding.loss) this.#loss = true;
    if (finding.repaired) this.#repaired += 1;
    return { type: 'finding', finding };
  }

  progress(): VerifyEvent {
    const bytes = this.#bytes + this.#hashed;
    const progress = {
      blobs: this.#blobs,
      bytes,
      // Others pull while it runs.
      totalBlobs: Math.max(this.#totalBlobs, this.#blobs),
      totalBytes: Math.max(this.#totalBytes, bytes),
    };
    return { type: 'progress', progress };
  }

  report(): VerifyEvent {
    const report = {
      blobs: this.#blobs,
      bytes: this.#bytes,
      manifests: this.#manifests,
      tags: this.#tags,
      findings: { ...this.#findings },
      loss: this.#loss,
      repaired: this.#repaired,
    };
    return { type: 'report', report };
  }
}
