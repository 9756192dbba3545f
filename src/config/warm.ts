import type { UpstreamName } from '../oci/reference.ts';
import type { WarmConfig } from './config.ts';
import type { LoadContext } from './load-context.ts';
import type { FileValues } from './schema.ts';
import { suggest } from './suggest.ts';

/** What is to be warmed; undefined for nothing. Files that cannot be read may come later, and are warned of. */
export function readWarm(
  warm: FileValues['warm'],
  upstreams: readonly UpstreamName[],
  context: LoadContext,
): WarmConfig | undefined {
  if (warm === undefined) return undefined;
  const { images, files } = warm;
  if (images.length === 0 && files.length === 0)
    context.problems.add(['warm'], 'names no image: give images, or files that name some');
  for (const [index, { registry, repository }] of images.entries()) {
    if (upstreams.includes(registry)) continue;
    const near = suggest(registry, upstreams);
    const meant = near === undefined ? '' : `, did you mean ${near}/${repository}?`;
    context.problems.add(['warm', 'images', index], `${registry} is not an upstream of this mirror${meant}`);
  }
  const absolute = files.map((file) => context.absolute(file));
  for (const file of absolute) {
    context.warnIfAbsent(
      file,
      (problem) => `warm.files: ${problem}; its images are not warmed until it can be read`,
    );
  }
  return { ...warm, files: absolute };
}
