import type { Command } from 'commander';
import { commandContext } from '../command-context.ts';
import { addConfigOption } from '../config-option.ts';
import type { ExitCode } from '../exit-code.ts';
import { addImageSelection, selectionHelp } from '../image-selection.ts';
import type { Terminal } from '../terminal.ts';
import type { SyncOptions } from './sync.ts';

/** Adds the command that fills the cache from another registry. */
export function addSync(
  program: Command,
  { terminal, done }: { readonly terminal: Terminal; readonly done: (code: ExitCode) => void },
): void {
  const command = program
    .command('sync')
    .description('bring images from another Entrepot or registry, as far as they are not here yet')
    .argument('<url>', 'where it answers: https://HOST[:PORT], or http://');
  addConfigOption(addImageSelection(command))
    .option('--username <name>', 'the account there (default: that of docker login)')
    .option('--password-stdin', 'read its password from the standard input')
    .option('--ca <file>', 'certificate authorities in PEM form, trusted besides the usual ones')
    .option('--insecure', 'check no certificate, and send a password over http://')
    .option('--path <template>', 'where the registry has {repository} of {registry}')
    .option('--pin', 'keep the images whatever happens')
    .option('--json', 'print a JSON object a line')
    .addHelpText(
      'after',
      `${selectionHelp}

Without images and files: all images that another Entrepot has and shows to this account, with their pins.
Nothing is asked of the images' own registries; what arrived before a cut stays, and the same command goes on.

Exit code 0: all is here; 1: something is missing; 2: a bad command line, file or reference.

Examples:
  entrepot sync http://school.lan:5000
  entrepot sync https://school.lan:5000 -f compose.yaml
  entrepot sync https://harbor.lan --path 'hub-proxy/{repository}' node:18`,
    )
    .action(async (url: string, images: readonly string[], options: SyncOptions) => {
      const { sync } = await import('./sync.ts');
      const { stdin, env } = process;
      done(await sync(url, images, options, commandContext(terminal), { stdin, environment: env }));
    });
}
