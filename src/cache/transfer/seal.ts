import type { Clock } from '../../base/clock.ts';
import { isDigestOf, type Digest } from '../../oci/digest.ts';
import type { ContentStore, VerifyResult } from '../../store/content-store.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { HeldImages } from './held-images.ts';
import type { ImageSource } from './image-source.ts';
import { missingParts, type MissingPart } from './missing-parts.ts';
import type { ImageContents } from './schemas.ts';
import type { SealEvent, SealFinding, SealRequest } from './seal-schemas.ts';

export interface SealDeps {
  readonly source: Pick<ImageSource, 'images'>;
  readonly content: Pick<ContentStore, 'verify'>;
  readonly metadata: Pick<MetadataStore, 'anyManifest'>;
  readonly clock: Clock;
}

/** A part that is there, and where it belongs. */
interface Part {
  readonly digest: Digest;
  readonly size: number;
  readonly isManifest: boolean;
  /** What to find if it is damaged. */
  readonly uses: SealFinding[];
}

/** Milliseconds between two events of progress. */
const progressMs = 250;

/**
 * Verifies that images are whole: that every manifest, config and layer of them is cached and, unless `quick`, has the bytes
 * of its digest. Nothing is evicted meanwhile. Rejects with CareError or StoreError.
 */
export async function* verifySeal(deps: SealDeps, request: SealRequest): AsyncGenerator<SealEvent> {
  const { images: asked, quick } = request;
  await using held = await HeldImages.open(deps.source, { images: asked, referrers: false });
  const broken = new Set<string>();
  const parts = new Map<Digest, Part>();
  const report = (finding: SealFinding): SealEvent => {
    broken.add(finding.image);
    return { type: 'finding', finding };
  };
  for (const contents of held.images) {
    for (const finding of faultsOf(contents)) yield report(finding);
    if (!('absent' in contents)) collect(contents, parts);
  }
  const bytes = [...parts.values()].reduce((sum, { size }) => sum + size, 0);
  if (!quick) {
    let hashed = 0;
    for (const part of parts.values()) {
      const verdict = yield* hash(deps, part, hashed, bytes);
      hashed += part.size;
      if (verdict === 'intact') continue;
      for (const use of part.uses) yield report({ ...use, fault: verdict });
    }
  }
  const images = new Set(held.images.map(({ image }) => image)).size;
  yield { type: 'report', report: { images, sealed: images - broken.size, parts: parts.size, bytes } };
}

function faultsOf(contents: HeldImages['images'][number]): readonly SealFinding[] {
  const { image } = contents;
  const whole = { image, digest: null, what: 'image' } as const;
  if ('absent' in contents) return [{ ...whole, platform: null, fault: 'absent' }];
  return [
    ...contents.lacking.map((platform) => ({ ...whole, platform, fault: 'platform' as const })),
    ...missingParts(contents).map((part) => ({ image, ...part })),
  ];
}

/** Adds the parts of an image that are there. */
function collect(contents: ImageContents, parts: Map<Digest, Part>): void {
  const missing = new Set(missingParts(contents).map(({ digest }) => digest));
  const add = (
    { digest, size }: Pick<Part, 'digest' | 'size'>,
    use: Pick<MissingPart, 'what' | 'platform'>,
    isManifest: boolean,
  ): void => {
    if (missing.has(digest)) return;
    const part = parts.get(digest) ?? { digest, size, isManifest, uses: [] };
    part.uses.push({ image: contents.image, digest, ...use, fault: 'damaged' });
    parts.set(digest, part);
  };
  for (const manifest of contents.manifests) {
    const { kind, platform, blobs } = manifest;
    const what = kind === 'index' || kind === 'attestation' ? kind : 'manifest';
    add(manifest, { what, platform }, true);
    for (const blob of blobs.filter(({ foreign }) => !foreign)) {
      add(blob, { what: kind === 'attestation' ? kind : blob.kind, platform }, false);
    }
  }
}

async function* hash(
  { content, metadata, clock }: SealDeps,
  { digest, isManifest, size }: Part,
  before: number,
  totalBytes: number,
): AsyncGenerator<SealEvent, VerifyResult> {
  if (isManifest) {
    const manifest = await metadata.anyManifest(digest);
    return manifest === undefined ? 'missing' : isDigestOf(digest, manifest.bytes) ? 'intact' : 'damaged';
  }
  const ending = new AbortController();
  const { signal } = ending;
  let hashed = 0;
  const onBytes = (count: number): void => void (hashed += count);
  const verified = content.verify(digest, { signal, onBytes }).then((verdict) => ({ verdict }));
  try {
    for (;;) {
      const first = await Promise.race([verified, clock.sleep(progressMs, signal)]);
      if (first !== undefined) return first.verdict;
      yield { type: 'progress', bytes: before + Math.min(hashed, size), totalBytes };
    }
  } finally {
    ending.abort();
  }
}
