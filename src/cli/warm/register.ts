import type { Command } from 'commander';
import { commandContext } from '../command-context.ts';
import { addConfigOption } from '../config-option.ts';
import type { ExitCode } from '../exit-code.ts';
import { addImageSelection, selectionHelp } from '../image-selection.ts';
import { withoutControls, type Terminal } from '../terminal.ts';
import type { WarmCommandOptions } from './warm.ts';

interface RegisteredOptions extends WarmCommandOptions {
  readonly list?: boolean;
}

/** Adds the command that pulls images ahead. */
export function addWarm(
  program: Command,
  { terminal, done }: { readonly terminal: Terminal; readonly done: (code: ExitCode) => void },
): void {
  addConfigOption(addImageSelection(program.command('warm')))
    .description('fetch images ahead, so that nothing of them has to be fetched later')
    .option('--list', 'print the images, one a line, and fetch nothing')
    .option('--referrers', 'fetch signatures and whatever else refers to the images, too')
    .option('--pin', 'keep them whatever happens, as entrepot pin does')
    .option('--json', 'print JSON: an event a line, or with --list a line for each place that names an image')
    .addHelpText(
      'after',
      `${selectionHelp}

Images come by the running server if there is one. What is cached already costs no download; what an interrupted command
has fetched stays. Attestations are fetched with the images that they are about.

Exit code 1: something is missing; 2: a bad file or reference, and with --strict also what cannot be resolved.

Examples:
  entrepot warm node:22 ghcr.io/owner/app:1 --platform linux/amd64,linux/arm64
  entrepot warm -f compose.yaml -f Dockerfile --pin
  helm template web ./chart | entrepot warm -f -
  entrepot warm --list -f . > images.txt`,
    )
    .action(async (images: readonly string[], { list, ...options }: RegisteredOptions) => {
      const { stdin, env: environment } = process;
      if (list === true) {
        const { listImages } = await import('./list.ts');
        const sources = { terminal: withoutControls(terminal), stdin, environment };
        done(await listImages(images, options, sources));
      } else {
        const { warm } = await import('./warm.ts');
        done(await warm(images, options, commandContext(terminal), { stdin, environment }));
      }
    });
}
