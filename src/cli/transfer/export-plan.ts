import { layOut, type ArchiveLayout } from '../../archive/archive-layout.ts';
import { archiveName } from '../../archive/file-name.ts';
import { imageArchive, type ArchivedImage } from '../../archive/image-archive.ts';
import type { AbsentImage, ImageContents } from '../../cache/transfer/schemas.ts';
import { describeMissing, missingParts } from '../../cache/transfer/missing-parts.ts';
import type { Digest } from '../../oci/digest.ts';
import { archivedImage, requiredParts } from './archived-image.ts';

/** An image that was asked for. */
export interface WantedImage {
  readonly contents: AbsentImage | ImageContents;
  /** What refers to it. */
  readonly referrers: readonly ImageContents[];
  /** The platforms that it is wanted for; `all`: what it has. */
  readonly platforms: readonly string[] | 'all';
}

/** A file to write. */
export interface PlannedArchive {
  /** Without `.tar`. */
  readonly name: string;
  /** Names of the images in it. */
  readonly images: readonly string[];
  readonly layout: ArchiveLayout;
  /** Whether an earlier bundle has something of it. */
  readonly isPartial: boolean;
}

/** An image that cannot be exported. */
interface RefusedImage {
  readonly image: string;
  /** A line each. */
  readonly reasons: readonly string[];
}

export interface ExportPlan {
  readonly archives: readonly PlannedArchive[];
  readonly refused: readonly RefusedImage[];
}

interface Selected {
  readonly image: ArchivedImage;
  readonly referrers: readonly ArchivedImage[];
  /** Of an index of which one platform is taken. */
  readonly platform: string | undefined;
}

/** A file for each image, and one for what refers to it. */
export function planFolder(wanted: readonly WantedImage[], earlier: ReadonlySet<Digest>): ExportPlan {
  const { selected, refused } = select(wanted);
  const archives = selected.flatMap(({ image, referrers, platform }) => {
    const { name } = image.bundled;
    const own = planned(archiveName(name, platform), [image], earlier);
    return referrers.length === 0
      ? [own]
      : [own, planned(archiveName(name, 'referrers'), referrers, earlier)];
  });
  return { archives, refused };
}

/**
 * All images in one file. Tools stop at a chart or a signature, or take it for an image: they are shown none if there are
 * images.
 */
export function planBundle(
  name: string,
  wanted: readonly WantedImage[],
  earlier: ReadonlySet<Digest>,
): ExportPlan {
  const { selected, refused } = select(wanted);
  const hidden = (image: ArchivedImage): ArchivedImage => ({ ...image, shown: undefined });
  const hasImages = selected.some(({ image }) => image.isRunnable);
  const images = selected.flatMap(({ image, referrers }) => [
    hasImages && !image.isRunnable ? hidden(image) : image,
    ...referrers.map(hidden),
  ]);
  return { archives: images.length === 0 ? [] : [planned(name, images, earlier)], refused };
}

function planned(
  name: string,
  images: readonly ArchivedImage[],
  earlier: ReadonlySet<Digest>,
): PlannedArchive {
  return {
    name,
    images: images.map(({ bundled }) => bundled.name),
    layout: layOut(imageArchive(images, earlier)),
    isPartial: images.some(({ blobs }) => blobs.some(({ digest }) => earlier.has(digest))),
  };
}

/** Separates the images that are whole from those that are not. */
function select(wanted: readonly WantedImage[]): {
  readonly selected: readonly Selected[];
  readonly refused: readonly RefusedImage[];
} {
  const refused: RefusedImage[] = [];
  const selected = wanted.flatMap(({ contents, referrers, platforms }): readonly Selected[] => {
    const reasons = faultsOf(contents, platforms);
    if ('absent' in contents || reasons.length > 0) {
      refused.push({ image: contents.image, reasons });
      return [];
    }
    const broken = referrers.filter((referrer) => missingParts(referrer).length > 0);
    for (const referrer of broken) {
      refused.push({ image: referrer.image, reasons: missingParts(referrer).map(describeMissing) });
    }
    return [
      {
        image: archivedImage(contents, platforms),
        referrers: referrers
          .filter((referrer) => !broken.includes(referrer))
          .map((one) => archivedImage(one, 'all')),
        platform: contents.whole || platforms === 'all' ? undefined : platforms[0],
      },
    ];
  });
  return { selected, refused };
}

/** Why an image cannot be exported; nothing if it can. */
function faultsOf(
  contents: AbsentImage | ImageContents,
  platforms: WantedImage['platforms'],
): readonly string[] {
  if ('absent' in contents) return ['it is not cached'];
  const isPlain = platforms === 'all' || contents.lacking.length < platforms.length;
  if (!isPlain) return [`it has no image for ${contents.lacking.join(', ')}`];
  return missingParts({ manifests: requiredParts(contents) }).map(describeMissing);
}
