import type { Command } from 'commander';
import { commandContext } from '../command-context.ts';
import { addConfigOption } from '../config-option.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { addImageSelection, selectionHelp } from '../image-selection.ts';
import type { Terminal } from '../terminal.ts';
import type { VerifyCommandOptions } from './cache.ts';
import type { VerifySealedOptions } from './sealed.ts';

interface VerifyOptions extends VerifyCommandOptions, VerifySealedOptions {
  readonly sealed?: boolean;
}

/** Adds the command that verifies the cache, images in it, or files with images. */
export function addVerify(
  program: Command,
  { terminal, done }: { readonly terminal: Terminal; readonly done: (code: ExitCode) => void },
): void {
  addConfigOption(addImageSelection(program.command('verify')))
    .description('hash what is cached, or what files hold, or verify that images are complete')
    .option('--repair', 'put damaged content out of use, to be fetched anew, and right what else can be')
    .option('--sealed', 'verify that all that images need is cached')
    .option('--quick', 'with --sealed: look at sizes, and hash nothing')
    .option('--json', 'print JSON, a line each; sizes are bytes and times milliseconds since 1970')
    .addHelpText(
      'after',
      `
Without images everything that is cached is hashed, and files and database are compared. Without --repair nothing is
changed. With --sealed each manifest, config and layer of the images is looked for. Otherwise names are files, parts
or folders with images, as for entrepot import, which are verified without a cache.
${selectionHelp}

Exit code 1: something is damaged or missing, repaired or not.

Examples:
  entrepot verify
  entrepot verify --repair
  entrepot verify --sealed -f compose.yaml --platform linux/amd64,linux/arm64
  entrepot verify class.tar.001 stick/`,
    )
    .action(async (names: readonly string[], options: VerifyOptions) => {
      const problem = problemOf(names, options);
      const context = commandContext(terminal);
      if (problem !== undefined) {
        terminal.err(`entrepot: ${problem}\n`);
        done(exitCode.usage);
      } else if (options.sealed === true) {
        const { verifySealed } = await import('./sealed.ts');
        const { stdin, env } = process;
        done(await verifySealed(names, options, { stdin, environment: env }, context));
      } else if (names.length > 0) {
        const { verifyArchives } = await import('./archives.ts');
        done(await verifyArchives(names, options, process.stdin, context));
      } else {
        const { verify } = await import('./cache.ts');
        done(await verify(options, context));
      }
    });
}

/** What is wrong with a command line; undefined for one that makes sense. */
function problemOf(names: readonly string[], options: VerifyOptions): string | undefined {
  const { sealed = false, quick = false, repair = false, file = [] } = options;
  if (!sealed && file.length > 0) return '-f names images, which are verified with --sealed';
  if (quick && !sealed) return '--quick is for --sealed';
  if (repair && (sealed || names.length > 0)) return '--repair is for the whole cache';
  return undefined;
}
