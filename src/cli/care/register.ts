import type { Command } from 'commander';
import { addConfigOption } from '../config-option.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { commandContext, type CommandContext } from '../command-context.ts';
import type { CommandOptions, JsonOptions } from '../with-services.ts';
import type { LsOptions } from './ls.ts';
import { addVerify } from '../verify/register.ts';
import type { PruneCommandOptions } from './prune.ts';
import { parseDurationOption, parseSizeOption } from './option-parsers.ts';

const jsonHelp = 'print JSON, a line each; sizes are bytes and times milliseconds since 1970';

const patternHelp = `
A pattern is an image's name: node:20 is one tag, node all of them, and * stands for anything, as in node:*-slim or
ghcr.io/acme/*.`;

/** Adds the commands that look after the cache, whether the server runs or not. */
export function addCare(
  program: Command,
  { terminal, done }: { readonly terminal: Terminal; readonly done: (code: ExitCode) => void },
): void {
  const add = (name: string, description: string, help: string): Command =>
    addConfigOption(program.command(name)).description(description).addHelpText('after', `\n${help.trim()}`);
  const context = (): CommandContext => commandContext(terminal);

  add(
    'ls',
    'list the images that are cached',
    `${patternHelp}
LAYERS tells whether all layers of the pulled platforms are cached. SIZE includes signatures, attestations and all
cached platforms; layers that images share count for each of them.

Examples:
  entrepot ls
  entrepot ls 'ghcr.io/*'
  entrepot ls 'node:*' --json`,
  )
    .argument('[pattern]', 'only images like this')
    .option('--json', jsonHelp)
    .option('--no-trunc', 'print digests in full')
    .action(async (pattern: string | undefined, options: LsOptions) => {
      const { ls } = await import('./ls.ts');
      done(await ls(pattern, options, context()));
    });

  add(
    'du',
    'say what each repository takes up',
    `
UNIQUE is what no other repository needs, and goes with it; SHARED is what others need too. In the last line every
byte counts once.

Example:
  entrepot du --config /etc/entrepot/config.yml`,
  )
    .option('--json', jsonHelp)
    .action(async (options: JsonOptions) => {
      const { du } = await import('./du.ts');
      done(await du(options, context()));
    });

  add(
    'rm',
    'remove images',
    `
A name without a tag is its tag latest. What other images share with it stays, and so does what is being pulled. A
pinned image is not removed.

Examples:
  entrepot rm node:20 ghcr.io/owner/app:1
  entrepot rm node@sha256:0b1f…`,
  )
    .argument('<image...>', 'as ls names them')
    .action(async (images: readonly string[], options: CommandOptions) => {
      const { rm } = await import('./rm.ts');
      done(await rm(images, options, context()));
    });

  add(
    'prune',
    'remove what was not used for longest',
    `
With both, images go until both hold. What is pinned or being pulled stays.

Examples:
  entrepot prune --to 20GiB --dry-run
  entrepot prune --unused 30d`,
  )
    .option('--to <size>', 'until so much is left, such as 20GiB', parseSizeOption)
    .option(
      '--unused <duration>',
      'what was not used for so long, such as 12h, 30d or 2w',
      parseDurationOption,
    )
    .option('--dry-run', 'say what would go; remove nothing')
    .option('--json', jsonHelp)
    .action(async (options: PruneCommandOptions) => {
      const { prune } = await import('./prune.ts');
      done(await prune(options, context()));
    });

  add(
    'pin',
    'keep images whatever happens, or list what is kept so',
    `${patternHelp}
Pins of the configuration are listed, too.

Examples:
  entrepot pin node:20 'ghcr.io/acme/*'
  entrepot pin`,
  )
    .argument('[pattern...]', 'images to keep; without any, pins are listed')
    .option('--json', `for the list: ${jsonHelp}`)
    .action(async (patterns: readonly string[], options: JsonOptions) => {
      const { pin } = await import('./pin.ts');
      done(await pin(patterns, options, context()));
    });

  add(
    'unpin',
    'keep images no longer',
    `
Example:
  entrepot unpin 'ghcr.io/acme/*'`,
  )
    .argument('<pattern...>', 'as it was pinned')
    .action(async (patterns: readonly string[], options: CommandOptions) => {
      const { unpin } = await import('./unpin.ts');
      done(await unpin(patterns, options, context()));
    });

  add(
    'stats',
    'print the cache in numbers',
    `
Example:
  entrepot stats --json`,
  )
    .option('--json', jsonHelp)
    .action(async (options: JsonOptions) => {
      const { stats } = await import('./stats.ts');
      done(await stats(options, context()));
    });

  addVerify(program, { terminal, done });
}
