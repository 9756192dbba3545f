import type { Platform } from '../../oci/platform.ts';
import type { Found } from '../found-image.ts';

/**
 * What a build that is for certain platforms needs: its images are pulled for those, and not for what is
 * asked for.
 */
export function forPlatforms(found: Found, platforms: readonly Platform[]): Found {
  if (platforms.length === 0) return found;
  const images = found.images.flatMap((image) => {
    const isTool = image.platform !== undefined || image.reason === '# syntax';
    return isTool ? image : platforms.map((platform) => ({ ...image, platform }));
  });
  return { ...found, images };
}
