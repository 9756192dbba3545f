import { Argument, type Command } from 'commander';
import { commandContext } from '../command-context.ts';
import { addConfigOption } from '../config-option.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import type { JsonOptions } from '../with-services.ts';

/** Adds the commands that change how a running server asks registries. */
export function addOffline(
  program: Command,
  { terminal, done }: { readonly terminal: Terminal; readonly done: (code: ExitCode) => void },
): void {
  program.commandsGroup('For a running server:');
  addConfigOption(program.command('offline'))
    .description('have the server ask no registry, or ask them again; or say which it does')
    .addHelpText(
      'after',
      `
Offline, what is cached is served as it was last seen, at once and however old; what is not is a 404 that names the
nearest cached tags. Downloads under way stop, and go on after "off". After a restart the configuration counts.

Examples:
  entrepot offline on
  entrepot offline`,
    )
    .addArgument(new Argument('[state]', 'without it, the present one is printed').choices(['on', 'off']))
    .option('--json', 'print one line of JSON')
    .action(async (state: 'on' | 'off' | undefined, options: JsonOptions) => {
      const { offline } = await import('./offline.ts');
      done(await offline(state, options, commandContext(terminal)));
    });
}
