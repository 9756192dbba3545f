import { thisPlatform } from '../../../oci/platform.ts';
import { mergeImages, type SelectedImage } from '../../../references/selected-images.ts';
import type { Logger } from '../../../telemetry/log.ts';
import type { WarmPolicy } from './policy.ts';

/** The images of a list and of the files that it names, as these are now. What is wrong with a file is logged. */
export async function listedImages(
  { images, files, platforms }: Pick<WarmPolicy, 'images' | 'files' | 'platforms'>,
  logger: Logger,
): Promise<readonly SelectedImage[]> {
  if (files.length === 0) return mergeImages(images, [], platforms);
  // Its parsers are large, and a server needs them once a day.
  const { findImages } = await import('../../../references/find-images.ts');
  const found = await findImages(files, {
    stdin: nothing(),
    environment: new Map(),
    envFiles: [],
    profiles: [],
    targets: [],
    buildArgs: new Map(),
    build: true,
    platforms: platforms === 'all' ? [thisPlatform()] : platforms,
  });
  for (const { file, line, message } of found.problems)
    logger.error({ file, line, reason: message }, 'a file of images to be warmed cannot be used');
  for (const { file, line, text, problem } of found.unresolved)
    logger.warn({ file, line, text, reason: problem }, 'an image to be warmed cannot be resolved');
  return mergeImages(images, found.images, platforms);
}

async function* nothing(): AsyncGenerator<Buffer> {
  // Files are named, and none of them is the standard input.
}
