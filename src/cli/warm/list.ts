import { imageReferenceText } from '../../oci/image-reference.ts';
import { platformText } from '../../oci/platform.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { ImageSelectionOptions } from '../image-selection.ts';
import { selectImages, type SelectedImage, type SelectionSources } from '../select-images.ts';

export interface ListOptions extends ImageSelectionOptions {
  readonly json?: boolean;
}

/** Prints the images that are meant: one a line, or with `--json` one place a line that names one. */
export async function listImages(
  names: readonly string[],
  options: ListOptions,
  sources: SelectionSources,
): Promise<ExitCode> {
  const { images, isSound } = await selectImages(names, options, sources);
  const lines = images.flatMap(options.json === true ? jsonLines : (image) => [referenceText(image)]);
  if (lines.length > 0) sources.terminal.out(`${lines.join('\n')}\n`);
  return isSound ? exitCode.success : exitCode.usage;
}

function referenceText({ reference }: SelectedImage): string {
  return imageReferenceText(reference);
}

function jsonLines(selected: SelectedImage): readonly string[] {
  const image = referenceText(selected);
  if (selected.places.length === 0) {
    return [
      JSON.stringify({ image, file: null, line: null, kind: null, reason: 'argument', platform: null }),
    ];
  }
  return selected.places.map(({ file, line, kind, reason, platform }) =>
    JSON.stringify({
      image,
      file,
      line,
      kind,
      reason,
      platform: platform === undefined ? null : platformText(platform),
    }),
  );
}
