import type { Command } from 'commander';
import { systemClock } from '../../base/system-clock.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import type { SetupTlsOptions } from './setup-tls.ts';

/** Adds `tls` to the `setup` command. */
export function addSetupTls(
  setup: Command,
  { terminal, done }: { readonly terminal: Terminal; readonly done: (code: ExitCode) => void },
): void {
  setup
    .command('tls')
    .description('make a local certificate authority and a certificate for this mirror')
    .option(
      '--host <name>',
      "a name or an address of this mirror, besides this machine's own; may be given several times",
      (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value],
    )
    .option('--out <dir>', 'folder for ca.crt, ca.key, server.crt and server.key', 'tls')
    .option('--days <n>', 'how long the certificate is good, 825 at most', '825')
    .option('--port <n>', 'the port of the mirror, for what is printed', '5000')
    .option('--force', 'replace all that is there, the authority too: every client must be given the new one')
    .addHelpText(
      'after',
      `
A second run keeps the authority, and issues a new certificate.

Examples:
  entrepot setup tls
  entrepot setup tls --host mirror.lan --host 192.168.1.10 --out /etc/entrepot/tls`,
    )
    .action(async (options: SetupTlsOptions) => {
      const { setupTls } = await import('./setup-tls.ts');
      done(await setupTls(options, terminal, systemClock()));
    });
}
