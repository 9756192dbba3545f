import { parsePlatforms, PlatformSyntaxError, type Platform } from '../oci/platform.ts';

/** The one platform that a file states, or undefined where the text is none. */
export function statedPlatform(text: string): Platform | undefined {
  try {
    const [first, ...more] = parsePlatforms(text);
    return typeof first === 'string' || more.length > 0 ? undefined : first;
  } catch (error) {
    if (error instanceof PlatformSyntaxError) return undefined;
    throw error;
  }
}
