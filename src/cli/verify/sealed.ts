import { byteSizeText } from '../../base/byte-size.ts';
import type { SealFinding, SealReport } from '../../cache/transfer/seal-schemas.ts';
import { imageReferenceText } from '../../oci/image-reference.ts';
import { platformText } from '../../oci/platform.ts';
import { pluralize } from '../care/format.ts';
import { progressOn } from '../care/progress.ts';
import type { CommandContext } from '../command-context.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { ImageSelectionOptions } from '../image-selection.ts';
import { selectImages, type SelectionSources } from '../select-images.ts';
import { jsonLine, uninterrupted, withServices, type JsonOptions } from '../with-services.ts';

export interface VerifySealedOptions extends ImageSelectionOptions, JsonOptions {
  readonly quick?: boolean;
}

/** Verifies that all that images need is cached; fails if anything of them is not. */
export async function verifySealed(
  names: readonly string[],
  options: VerifySealedOptions,
  sources: Omit<SelectionSources, 'terminal'>,
  context: CommandContext,
): Promise<ExitCode> {
  const { json = false, quick = false } = options;
  const { terminal } = context;
  const { images, isSound } = await selectImages(names, options, { ...sources, terminal });
  if (!isSound) return exitCode.usage;
  const request = {
    images: images.map(({ reference, platforms }) => ({
      image: imageReferenceText(reference),
      platforms: platforms === 'all' ? platforms : platforms.map(platformText).join(','),
    })),
    quick,
  };
  return withServices(options, context, exitCode.failure, async ({ transfer }) => {
    const progress = progressOn(terminal);
    // Unless there is a report.
    let code: ExitCode = exitCode.failure;
    try {
      for await (const event of uninterrupted(transfer.verifySeal(request), context)) {
        if (event.type === 'progress') {
          const { bytes: done, totalBytes: total } = event;
          progress.show({ done, total, note: `${byteSizeText(done)} of ${byteSizeText(total)}` });
          continue;
        }
        progress.clear();
        if (json) terminal.out(jsonLine(event));
        else if (event.type === 'finding') terminal.out(describeFinding(event.finding));
        else terminal.out(describeReport(event.report, quick));
        if (event.type === 'report' && event.report.sealed === event.report.images) code = exitCode.success;
      }
    } finally {
      progress.clear();
    }
    return code;
  });
}

const faults: Readonly<Record<SealFinding['fault'], string>> = {
  absent: 'is not cached',
  platform: 'has no image for this platform',
  missing: 'is missing',
  size: 'has the wrong size',
  damaged: 'is damaged',
};

/** `docker.io/library/node:18 linux/arm64: layer sha256:… is missing` */
function describeFinding({ image, platform, digest, what, fault }: SealFinding): string {
  const where = platform === null ? image : `${image} ${platform}`;
  return digest === null ? `${where}: ${faults[fault]}\n` : `${where}: ${what} ${digest} ${faults[fault]}\n`;
}

function describeReport({ images, sealed, parts, bytes }: SealReport, quick: boolean): string {
  const looked = `${quick ? 'looked at' : 'hashed'} ${pluralize(parts, 'manifest or blob', 'manifests and blobs')} of ${byteSizeText(bytes)}`;
  if (sealed === images) return `${pluralize(images, 'image')} complete: ${looked}\n`;
  return `${images - sealed} of ${pluralize(images, 'image')} not complete: ${looked}; to fetch what is missing: entrepot warm\n`;
}
