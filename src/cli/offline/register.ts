import { Argument, InvalidArgumentError, type Command } from 'commander';
import { leastRate, parseByteRate } from '../../base/byte-rate.ts';
import { commandContext } from '../command-context.ts';
import { addConfigOption } from '../config-option.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import type { JsonOptions } from '../with-services.ts';
import type { MaxRateOptions } from './maxrate.ts';

/** Adds the commands that change how a running server asks registries. */
export function addOffline(
  program: Command,
  { terminal, done }: { readonly terminal: Terminal; readonly done: (code: ExitCode) => void },
): void {
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
  addConfigOption(program.command('maxrate'))
    .description('limit how much the server takes from registries; or say what the limits are')
    .addHelpText(
      'after',
      `
A rate is in bytes a second: a line of 100 Mbit/s has 12.5MB. What clients wait for comes first; the rest gets what they
leave, and a tenth at least. After a restart the configuration counts.

Examples:
  entrepot maxrate 10MiB
  entrepot maxrate 500KB --upstream ghcr.io
  entrepot maxrate off`,
    )
    .argument('[rate]', 'such as 10MiB, or off; without it, the limits are printed', parseRateOption)
    .option('--upstream <name>', 'that of one registry (default: of all together)')
    .option('--json', 'print one line of JSON')
    .action(async (rate: number | null | undefined, options: MaxRateOptions) => {
      const { maxRate } = await import('./maxrate.ts');
      done(await maxRate(rate, options, commandContext(terminal)));
    });
}

/** @throws {InvalidArgumentError} for what is neither a rate nor `off` */
function parseRateOption(text: string): number | null {
  if (text === 'off') return null;
  const bytes = parseByteRate(text);
  if (bytes !== undefined && bytes >= leastRate) return bytes;
  throw new InvalidArgumentError('It is no rate from 16KiB on: write for example 10MiB or 500KB, or off.');
}
