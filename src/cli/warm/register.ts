import type { Command } from 'commander';
import { addConfigOption } from '../config-option.ts';
import type { ExitCode } from '../exit-code.ts';
import { addImageSelection, selectionHelp } from '../image-selection.ts';
import { withoutControls, type Terminal } from '../terminal.ts';
import type { ListOptions } from './list.ts';

/** Adds the command that pulls images ahead. */
export function addWarm(
  program: Command,
  { terminal, done }: { readonly terminal: Terminal; readonly done: (code: ExitCode) => void },
): void {
  addConfigOption(addImageSelection(program.command('warm')))
    .description('find the images that files name')
    .requiredOption('--list', 'print the images, one a line')
    .option('--json', 'print JSON, a line for each place that names an image')
    .addHelpText(
      'after',
      `${selectionHelp}

Exit code 2: a bad file or reference; with --strict also what cannot be resolved.

Examples:
  entrepot warm --list -f compose.yaml -f Dockerfile
  helm template web ./chart | entrepot warm --list -f -
  entrepot warm --list -f . > images.txt`,
    )
    .action(async (images: readonly string[], options: ListOptions) => {
      const { listImages } = await import('./list.ts');
      const { stdin, env } = process;
      done(
        await listImages(images, options, { terminal: withoutControls(terminal), stdin, environment: env }),
      );
    });
}
