import { imageReferenceText } from '../../oci/image-reference.ts';
import { platformText, type Platforms } from '../../oci/platform.ts';
import type { SelectedImage } from '../../references/selected-images.ts';
import type { WantedImage } from './schemas.ts';

/** An image as a {@link Warmer} is asked for it. It may be missing where every file that names it says so. */
export function wantedImage({ reference, platforms, places }: SelectedImage): WantedImage {
  const [first] = places;
  const isOptional = places.every(({ optional }) => optional !== undefined);
  return {
    reference: imageReferenceText(reference),
    platforms: platformsText(platforms),
    optional: (isOptional ? first?.optional : undefined) ?? null,
  };
}

function platformsText(platforms: Platforms): string {
  return platforms === 'all' ? platforms : platforms.map(platformText).join(',');
}
