import type { Command } from 'commander';
import { addConfigFile, configFile, type ConfigOption } from '../config-option.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { clientNames, clients, versioned } from './client-names.ts';
import type { SetupOptions } from './setup.ts';

/**
 * Adds `setup` with a command for each client.
 *
 * @returns the `setup` command, for others to be added
 */
export function addSetup(
  program: Command,
  { terminal, done }: { readonly terminal: Terminal; readonly done: (code: ExitCode) => void },
): Command {
  const setup = program
    .command('setup')
    .description('print what a client needs to pull through this mirror, or write it')
    .addHelpText(
      'after',
      `
Examples:
  entrepot setup docker
  entrepot setup containerd --mirror http://mirror.lan:5000 --upstream ghcr.io
  sudo entrepot setup podman --mirror http://mirror.lan:5000 --apply
  sudo entrepot setup podman --undo`,
    );
  for (const client of clientNames) {
    const command = addConfigFile(setup.command(client))
      .description(clients[client])
      .option(
        '--mirror <url>',
        "where clients reach the mirror (default: this machine's address and http.addr)",
      )
      .option(
        '--public <url>',
        "where clients reach http.public.addr (default: its host, or else the mirror's, and its port)",
      )
      .option('--upstream <name>', 'only this registry; may be given several times', collect)
      .option('--ca <file>', "the authority that signed the mirror's certificate, in PEM form")
      .option('--apply', "write it into the client's own files, with a backup beside each that there was")
      .option('--undo', 'take back what --apply added')
      .option('--dry-run', 'show the difference that --apply, or --undo, would make; write nothing')
      .option('--root <dir>', 'take this folder for /, as when an image is prepared', '/');
    const whose = versioned.get(client);
    if (whose !== undefined) {
      command.option(
        '--client-version <version>',
        `version of ${whose}: decides what its hosts.toml may say`,
      );
    }
    command.action(async (file: string | undefined, options: SetupOptions & ConfigOption) => {
      const { setup: run } = await import('./setup.ts');
      done(await run(client, configFile(command, file, options), options, terminal));
    });
  }
  return setup;
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
