import { Option, type Command } from 'commander';
import { keepHeapSmall } from '../../base/heap.ts';
import { commandContext } from '../command-context.ts';
import { parseSizeOption } from '../care/option-parsers.ts';
import { addConfigOption } from '../config-option.ts';
import type { ExitCode } from '../exit-code.ts';
import { addImageSelection, selectionHelp } from '../image-selection.ts';
import type { Terminal } from '../terminal.ts';
import type { ExportOptions } from './export.ts';
import { addImport } from './register-import.ts';
import { addSync } from './register-sync.ts';

/** Adds the commands that carry images from one cache to another place. */
export function addTransfer(
  program: Command,
  how: { readonly terminal: Terminal; readonly done: (code: ExitCode) => void },
): void {
  const { terminal, done } = how;
  addConfigOption(addImageSelection(program.command('export')))
    .description('write cached images to files that container tools load')
    .requiredOption(
      '-o, --output <output>',
      'a folder, a file NAME.tar for all images, or - for standard output',
    )
    .option('--size <size>', 'write parts of at most this size, such as 4GiB', parseSizeOption)
    .addOption(
      new Option('--since <bundle>', 'leave out what this earlier bundle has; may be repeated').argParser(
        (value: string, previous: readonly string[] | undefined) => [...(previous ?? []), value],
      ),
    )
    .option('--no-referrers', 'leave out signatures and the like')
    .option('--json', 'print JSON, a line for each image')
    .addHelpText(
      'after',
      `${selectionHelp}

Each image becomes a file that docker load, podman load, ctr images import and skopeo read. Signatures and other
referrers get a file of their own. What is in the folder already is checked and kept, so a command that was cut off
goes on when it is given again. Parts are joined by cat NAME.tar.*, or read by entrepot import as they are.

Exit code 1: an image is missing or incomplete, or could not be written.

Examples:
  entrepot export -o stick/ -f compose.yaml
  entrepot export -o class.tar --size 4GiB --platform linux/amd64,linux/arm64 -f images.txt
  entrepot export -o - node:20 | docker load`,
    )
    .action(async (images: readonly string[], options: ExportOptions) => {
      const { exportImages } = await import('./export.ts');
      keepHeapSmall();
      const { stdin, stdout, env } = process;
      done(
        await exportImages(images, options, { stdin, stdout, environment: env }, commandContext(terminal)),
      );
    });
  addImport(program, how);
  addSync(program, how);
}
