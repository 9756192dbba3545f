import { wantedImage } from '../../mirror/warm/wanted-image.ts';
import type { CommandContext } from '../command-context.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { ImageSelectionOptions } from '../image-selection.ts';
import { tellImages } from '../progress/tell-images.ts';
import { selectImages, type SelectionSources } from '../select-images.ts';
import { withServices, type JsonOptions } from '../with-services.ts';

export interface WarmCommandOptions extends ImageSelectionOptions, JsonOptions {
  readonly referrers?: boolean;
  readonly pin?: boolean;
}

/** Fetches images ahead of all clients; fails when anything of them is missing at the end. */
export async function warm(
  names: readonly string[],
  options: WarmCommandOptions,
  context: CommandContext,
  sources: Omit<SelectionSources, 'terminal'>,
): Promise<ExitCode> {
  const { terminal } = context;
  const { images, isSound } = await selectImages(names, options, { ...sources, terminal });
  if (!isSound) {
    if (images.length > 0) terminal.err('entrepot: nothing was fetched: put this right first\n');
    return exitCode.usage;
  }
  if (images.length === 0) {
    terminal.err('entrepot: there is no image to fetch\n');
    return exitCode.success;
  }
  const { referrers = false, pin = false } = options;
  return withServices(options, context, 'make', async ({ warmer }) => {
    const events = warmer.warm({ images: images.map(wantedImage), referrers, pin });
    try {
      return await tellImages(events, options.json ?? false, context);
    } finally {
      if (context.interrupted.aborted)
        terminal.err('entrepot: what has come stays: the same command goes on from there\n');
    }
  });
}
