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

/** Each image once, ordered by its canonical text, with the platforms of all places that name it. */
export function mergeImages(
  named: readonly ImageReference[],
  found: readonly FoundImage[],
  wanted: Platforms,
): readonly SelectedImage[] {
  const selected = new Map<string, SelectedImage>();
  const add = (reference: ImageReference, platforms: Platforms, places: readonly FoundImage[]): void => {
    const text = imageReferenceText(reference);
    const known = selected.get(text) ?? { platforms: [], places: [] };
    selected.set(text, {
      reference,
      platforms: union(known.platforms, platforms),
      places: [...known.places, ...places],
    });
  };
  for (const reference of named) add(reference, wanted, []);
  for (const image of found) {
    add(image.reference, image.platform === undefined ? wanted : [image.platform], [image]);
  }
  return [...selected].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, image]) => image);
}

function union(a: Platforms, b: Platforms): Platforms {
  if (a === 'all' || b === 'all') return 'all';
  return [...new Map([...a, ...b].map((platform) => [platformText(platform), platform])).values()];
}
