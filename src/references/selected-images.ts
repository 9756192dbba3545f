import { getOrMake } from '../base/get-or-make.ts';
import { imageReferenceText, type ImageReference } from '../oci/image-reference.ts';
import { platformText, type Platforms } from '../oci/platform.ts';
import type { FoundImage } from './found-image.ts';

/** An image that is meant, and why. */
export interface SelectedImage {
  readonly reference: ImageReference;
  /** Those that are asked for, but where files state one. */
  readonly platforms: Platforms;
  /** Where files name it; none for one that is named without them. */
  readonly places: readonly FoundImage[];
}

interface Selecting extends SelectedImage {
  platforms: Platforms;
  readonly places: FoundImage[];
}

/** Each image once, ordered by its canonical text, with the platforms of all places that name it. */
export function mergeImages(
  named: readonly ImageReference[],
  found: readonly FoundImage[],
  wanted: Platforms,
): readonly SelectedImage[] {
  const selected = new Map<string, Selecting>();
  for (const reference of named) {
    selected.set(imageReferenceText(reference), { reference, platforms: wanted, places: [] });
  }
  for (const image of found) {
    const { reference } = image;
    const platforms = image.platform === undefined ? wanted : [image.platform];
    const text = imageReferenceText(reference);
    const one = getOrMake(selected, text, () => ({ reference, platforms, places: [] }));
    // Mostly they are the same, and need not be put together.
    if (one.platforms !== platforms) one.platforms = union(one.platforms, platforms);
    one.places.push(image);
  }
  return [...selected].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, image]) => image);
}

function union(a: Platforms, b: Platforms): Platforms {
  if (a === 'all' || b === 'all') return 'all';
  return [...new Map([...a, ...b].map((platform) => [platformText(platform), platform])).values()];
}
